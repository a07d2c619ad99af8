"""Statistical analysis of LUMIER² (NCT02811094)."""

__version__ = "0.1.0"
