import pytest

from symkeras.errors import InspectionError
from tests.inspection.models import recurrent, training_step


@pytest.fixture(scope="module")
def step():
    return training_step()[0]


def test_memory_tells_who_is_written_in_place_of_whom(step):
    found = [r for r in step.inspect.memory(batch=10).of("first_sum") if r.kind == "in place"]
    assert ("first_sum", "first_matmul") in {(r.value, r.former) for r in found}
    assert "written in place" in found[0].why


def test_memory_tells_of_pieces_of_a_concatenation_and_of_variables(step):
    reuses = step.inspect.memory(batch=10).reuses
    assert {r.value for r in reuses if r.kind == "concatenation" and r.former == "d_first_concatenate"} >= {"d_first_sum", "d_second_sum"}
    assert any(r.kind == "variable" and r.value == "adam_difference_5" for r in reuses)


def test_bytes_shared_later_really_overlap_and_never_at_the_same_time(step):
    memory = step.inspect.memory(batch=10)
    later = [r for r in memory.reuses if r.kind == "later"]
    assert later
    for r in later:
        mine, other = (next(b for b in memory.blocks if n in b.values and (k == 0 or b.last is None or b.last < r.kernel))
                       for k, n in enumerate((r.value, r.former)))  # fmt: skip
        assert max(mine.offset, other.offset) < min(mine.offset + mine.bytes, other.offset + other.bytes)


def test_peak_and_plan_are_those_of_the_executable(step):
    memory = step.inspect.memory()
    assert memory.plan == step.memory
    assert memory.peak["bytes"] == max(memory.steps.column("bytes")) <= memory.plan.bound
    assert "<- peak" in memory.strip(height=len(memory.steps))
    assert all(len(line) >= 72 for line in memory.strip().splitlines())


def test_every_value_of_a_kernel_lies_in_one_block(step):
    memory = step.inspect.memory(batch=4)
    names = [n for b in memory.blocks for n in b.values]
    assert len(names) == len(set(names))
    assert {"first_matmul", "first_relu", "second_softmax"} <= set(names)
    assert memory.to_dict()["planned"] == memory.plan.planned


def test_saved_lists_what_gradients_read_of_the_forward_pass(step):
    saved = step.inspect.saved(batch=10)
    row = next(r for r in saved if r["name"] == "first_relu")
    assert row["bytes"] == 4 * 10 * 16
    assert row["layer"] == "first"
    assert "d_first_greater" in row["readers"]
    assert row["lines"][0].startswith("models.py:")
    assert not {"input_layer", "first_kernel"} & set(saved.column("name"))
    assert saved.column("bytes") == sorted(saved.column("bytes"), reverse=True)


def test_saved_of_a_function_without_gradients_is_empty():
    model, x, _ = recurrent()
    model.predict(x, verbose=0)
    assert not len(model.executable("predict").inspect.saved())


def test_memory_of_loops_says_what_is_stacked_over_time():
    model, _, _ = recurrent()
    memory = model.executable("train").inspect.memory()
    assert any(r.kind == "loop" for r in memory.reuses)
    assert len(model.executable("train").inspect.saved()) > 0


def test_backends_without_a_plan_say_so():
    step, _, _ = training_step("interpreter")
    with pytest.raises(InspectionError, match="no plan of memory"):
        step.inspect.memory(batch=3)
