"""The front of the house: who asks, why, and with whose consent."""
