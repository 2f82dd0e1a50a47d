"""What a project lacks, seen from the machine of the person who asks; nothing is changed."""
