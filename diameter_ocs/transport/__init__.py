"""The rim towards the peers: connections, who may connect, and listening."""
