"""The demo story and the people in it; the composition root alone imports this."""
