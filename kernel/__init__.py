"""The ground of the house: what every floor stands on and none may copy."""
