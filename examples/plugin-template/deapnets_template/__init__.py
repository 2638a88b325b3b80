"""The evaluator ``template``: points inside and outside of a ring."""
