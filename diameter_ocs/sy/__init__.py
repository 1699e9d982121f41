"""The Sy door: spending limit messages in, charging's words out, and back (TS 29.219)."""
