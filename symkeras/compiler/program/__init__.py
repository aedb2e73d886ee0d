"""The program: from an optimised graph to steps over planned storage, shared by every backend that emits code."""
