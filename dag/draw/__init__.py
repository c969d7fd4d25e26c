"""A plan as a picture: SVG to look at, Mermaid to put into a page."""

from dag.draw.flowchart import mermaid
from dag.draw.picture import svg

__all__ = ["mermaid", "svg"]
