"""The same work in this process, in several, or on a cluster: who does it never shows."""
