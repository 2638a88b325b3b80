import random

import pytest

import deapnets as dn
from deapnets.architectures.graphs import GraphSpace
from deapnets.reports.wiring import Edge, drawing, wirings


def test_a_cell_of_nasbench201_is_four_vertices_and_six_operations():
    text = "|skip~0|+|none~0|conv~1|+|a~0|b~1|<c>~2|"
    (cell,) = wirings(text)
    assert cell.vertices == ["input", "1", "2", "3"]
    assert cell.edges == [
        Edge(0, 1, "skip"),
        Edge(0, 2, "none"),
        Edge(1, 2, "conv"),
        Edge(0, 3, "a"),
        Edge(1, 3, "b"),
        Edge(2, 3, "<c>"),
    ]
    svg = drawing(cell)
    assert svg.count("<path") == 6
    assert "&lt;c&gt;" in svg


@pytest.mark.parametrize("space", [dn.NASNET, dn.NASBENCH201, GraphSpace((1, 8, 8))])
def test_every_text_of_a_space_can_be_drawn(space):
    random.seed(0)
    genes = space.draw()
    for _ in range(30):
        genes = space.vary(genes)
        graphs = wirings(space.text(genes))
        assert len(graphs) == len(getattr(space, "cells", "x"))
        assert all(drawing(graph).count("<path") == len(graph.edges) for graph in graphs)


def test_nasnet_has_two_cells_with_two_inputs_each():
    random.seed(0)
    graphs = wirings(dn.NASNET.text(dn.NASNET.draw()))
    assert [graph.title for graph in graphs] == ["normal", "reduction"]
    assert all(graph.vertices[:2] == ["input 0", "input 1"] for graph in graphs)
    assert all(len(graph.edges) == 10 for graph in graphs)


def test_a_growing_graph_has_its_layers_and_skips():
    (graph,) = wirings(
        "lr=0.1 fresh 0:linear 1:relu 2:linear 0-1:conv3x3x16/2 1-2:identity 0-2:identity"
    )
    assert graph.vertices == ["input", "relu", "linear"]
    assert Edge(0, 1, "conv3x3x16/2") in graph.edges
    assert graph.title == "lr=0.1"


@pytest.mark.parametrize("text", ["", "010110", "add(x, y)", "0-9:conv", "|a~9|", "<script>"])
def test_a_text_of_another_kind_is_not_drawn(text):
    graphs = wirings(text)
    assert all(not graph.edges for graph in graphs)


def test_a_graph_that_nobody_could_read_is_left_out():
    text = "lr=1 " + " ".join(f"{n}:relu" for n in range(200))
    text += " " + " ".join(f"{n}-{n + 1}:identity" for n in range(199))
    (graph,) = wirings(text)
    assert drawing(graph) == ""
