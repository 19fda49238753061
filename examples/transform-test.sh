#!/bin/sh
# Asks the transform server on port $1 to cummingsify $2, and prints its answer: a netstring there, one back.
# -N ends our side behind the request; -w bounds how long a server that says nothing keeps us.
request="cummingsify.${2-HERE IS MY POEM}"
printf '%s:%s,' "${#request}" "$request" | nc -N -w 30 127.0.0.1 "$1"
