from network.draw.matrix import Matrix, end_matrix, text, zone_matrix
from tests.unit.read.environment import base, inventory

TABLE = """\
from \\ to  data        mgmt
---------  ----------  ----
dmz        postgresql
           ssh
---------  ----------  ----
mgmt                   ssh"""


def test_services_between_zones() -> None:
    cells = zone_matrix(base()).cells
    assert cells == {
        ("internet", "dmz"): ("https",),
        ("dmz", "data"): ("postgresql",),
        # The jump host reaches the edge in the dmz, and core1 without leaving its own zone.
        ("mgmt", "dmz"): ("ssh",),
        ("mgmt", "mgmt"): ("ssh",),
        ("mgmt", "data"): ("ssh",),
    }


def test_services_between_hosts_and_peers() -> None:
    matrix = end_matrix(base())
    assert matrix.cells["internet", "web1"] == ("https",)
    assert matrix.cells["web1", "db1"] == ("postgresql",)
    assert ("bastion1", "bastion1") not in matrix.cells
    assert matrix.rows == ("internet", "web1", "bastion1")
    assert matrix.columns == ("edge1", "core1", "web1", "db1")


def test_table_has_a_line_for_each_service() -> None:
    cells = {("dmz", "data"): ("postgresql", "ssh"), ("mgmt", "mgmt"): ("ssh",)}
    assert text(Matrix(("dmz", "data", "mgmt"), cells), 80) == TABLE


def test_columns_that_do_not_fit_continue_below() -> None:
    matrix = end_matrix(inventory("lab"))
    for width in (60, 100, 400):
        lines = text(matrix, width).splitlines()
        assert max(len(line) for line in lines) <= width
        header = " ".join(line for line in lines if line.startswith("from"))
        assert all(column in header for column in matrix.columns)


def test_every_flow_of_the_lab_is_in_a_cell() -> None:
    model = inventory("lab")
    cells = end_matrix(model).cells
    for flow in model.flows:
        for source in flow.sources:
            for destination in flow.destinations:
                if source != destination:
                    assert {service.name for service in flow.services} <= set(cells[source.name, destination.name])
