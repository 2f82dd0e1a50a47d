"""What the steps of the rows journey share: requests, their keys, references, limits, prices."""
