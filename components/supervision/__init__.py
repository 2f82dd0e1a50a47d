"""The life of one remote job: found or created, watched, cancelled, ended; never made twice."""
