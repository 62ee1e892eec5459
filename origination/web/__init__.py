"""The doors of the front of the house: debtor pages and the agencies' API."""
