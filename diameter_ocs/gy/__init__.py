"""The Gy door: credit-control messages in, charging's words out, and back (RFC 8506, TS 32.299)."""
