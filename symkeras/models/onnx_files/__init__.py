"""Models from ONNX files: `reading` looks a file through, `building` makes layers and operations of its nodes, by the tables beside it."""
