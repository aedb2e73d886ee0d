import csv
import io

import pytest

from symkeras.errors import InspectionError
from symkeras.inspection.table import Table
from tests.inspection.models import recurrent, training_step


@pytest.fixture(scope="module")
def train():
    return training_step()[0].inspect


def kernel(cost, name):
    return next(r for r in cost.kernels if r["name"] == name)


def test_flops_and_bytes_of_a_product_are_those_of_its_shapes(train):
    row = kernel(train.cost(batch=10), "first_matmul")
    assert row["flops"] == 2 * 10 * 8 * 16
    assert row["read"] == 4 * (10 * 8 + 8 * 16)
    assert row["written"] == 4 * 10 * 16
    assert row["intensity"] == row["flops"] / (row["read"] + row["written"])


def test_cost_grows_with_the_sizes_asked_for(train):
    assert kernel(train.cost(batch=40), "first_matmul")["flops"] == 4 * kernel(train.cost(batch=10), "first_matmul")["flops"]
    assert train.cost().sizes == {"batch": 10}  # of the call


def test_a_broadcast_operand_counts_its_own_bytes_once(train):
    assert kernel(train.cost(batch=10), "first_sum")["read"] == 4 * (10 * 16 + 16)


def test_costs_by_layer_add_up_to_those_by_kernel(train):
    cost = train.cost(batch=32)
    for column in ("flops", "read", "written"):
        assert sum(cost.layers.column(column)) == sum(cost.kernels.column(column)) == getattr(cost, column)
    assert {("first", "forward"), ("first", "backward"), ("optimizer/adam", "forward")} <= {(r["layer"], r["direction"]) for r in cost.layers}


def test_kernels_of_a_loop_count_every_step():
    model, _, _ = recurrent()
    inspector = model.executable("train").inspect
    assert {r["runs"] for r in inspector.cost(batch=7).kernels} == {1, 5}


def test_unknown_and_missing_sizes_are_refused(train):
    with pytest.raises(InspectionError, match="Did you mean 'batch'"):
        train.cost(bathc=3)
    with pytest.raises(InspectionError, match="whole number"):
        train.cost(batch=-1)
    model, _, _ = recurrent()
    with pytest.raises(InspectionError, match="batch=32"):
        model.executable("predict").inspect.cost()


def test_the_table_has_a_row_per_kernel_with_its_emitted_line(train):
    table = train.table(batch=10)
    assert table.column("number") == [k.number for k in train.kernels]
    text = train.source.splitlines()
    row = next(r for r in table if r["name"] == "first_matmul")
    assert "np.matmul" in text[int(row["emitted"][-1]) - 1]
    assert row["layers"] == ["first"]
    assert row["buffer"][0].startswith("arena")
    assert row["seconds"] is None
    assert table.sorted("flops")[0]["flops"] == max(table.column("flops"))


def test_csv_has_all_rows_and_unwritable_paths_are_named(train, tmp_path):
    table = train.table(batch=10)
    text = table.to_csv(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == text
    assert [r["name"] for r in csv.DictReader(io.StringIO(text))] == table.column("name")
    with pytest.raises(InspectionError, match="cannot be written"):
        table.to_csv(tmp_path / "nowhere" / "t.csv")


def test_an_unknown_column_gives_the_nearest():
    with pytest.raises(InspectionError, match="Did you mean 'flops'"):
        Table(["flops"], []).sorted("flop")


def test_the_text_of_costs_is_stable(train):
    assert str(train.cost(batch=4)) == str(train.cost(batch=4))
    assert "optimizer/adam" in str(train.cost(batch=4))
