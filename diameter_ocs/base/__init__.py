"""The Diameter base protocol without I/O (RFC 6733, RFC 3539): octets and clock come in."""
