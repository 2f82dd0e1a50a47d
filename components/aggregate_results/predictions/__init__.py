"""From the output files of batch predictions to one result a row, in the order of the input.

Two passes, both streams. The first reads every output file once: each line is decoded, joined to
a row of the input and set down on disk by the row's place. The second walks the input again and
writes the rows. Memory holds about twenty bytes a row and none of the answers. Where there are
many rows a second process helps in both (beside.py); what depends on order is done in one alone.
"""
