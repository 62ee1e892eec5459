"""The tables of origination, one module for each room."""
