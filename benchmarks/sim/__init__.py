"""A world of deployments that fail, slow down and refuse, in virtual time; routers are tried in it."""
