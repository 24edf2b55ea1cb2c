"""Reading and writing images by the ending of the file name."""

from __future__ import annotations

from .base import FileImage, endings, read, write
from .images import write_grey

__all__ = ["FileImage", "endings", "read", "write", "write_grey"]
