"""Who looks at the console, and with what right: sign-in, roles, and the guards of the server."""
