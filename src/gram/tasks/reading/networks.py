"""GraphML and DOT by networkx (pip install 'gram-reasoning[graphs]')."""

import io
import re
from typing import Any

Network = tuple[list[str], list[tuple[str, str]]]
"""Names of vertices, and edges between them."""
MISSING = "pip install 'gram-reasoning[graphs]', or write the graph as an edge list."


def graphml(text: str) -> Network:
    """The graph of a GraphML text. ValueError for what is no GraphML."""
    if re.search(r"<!(DOCTYPE|ENTITY)", text):
        raise ValueError("The GraphML text declares a document type or entities; remove them.")
    try:
        import networkx
    except ImportError:
        raise ValueError(f"GraphML needs networkx; {MISSING}") from None
    try:
        graph = networkx.read_graphml(io.BytesIO(text.encode()))
    except Exception as error:  # networkx lets through whatever its parser raises
        raise ValueError(f"This is no GraphML ({str(error)[:100]}); repair it.") from None
    return _network(graph)


def dot(text: str) -> list[Network]:
    """The graphs of a DOT text. ValueError for what is none."""
    try:
        import networkx
        import pydot
    except ImportError as error:
        raise ValueError(f"DOT needs {error.name}; {MISSING}") from None
    try:
        graphs = [networkx.nx_pydot.from_pydot(graph) for graph in pydot.graph_from_dot_data(text) or []]
    except Exception as error:  # pydot lets through whatever its parser raises
        raise ValueError(f"This is no DOT ({str(error)[:100]}); repair it.") from None
    if not graphs:
        raise ValueError("This is no DOT; repair it.")
    return [_network(graph) for graph in graphs]


def _network(graph: Any) -> Network:
    names = [str(node).strip('"') for node in graph.nodes]
    pairs = [(str(u).strip('"'), str(v).strip('"')) for u, v in graph.edges()]
    return [name for name in names if name not in ("\\n", "\\r\\n")], pairs
