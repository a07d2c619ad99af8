"""Groups of commands; each module has ``register(command)``, called by the parser of the command line."""
