#!/bin/sh
# Written by bootstrap: whether this master's own API server is ready. keepalived asks every two seconds.
exec curl --silent --fail --max-time 2 --output /dev/null --cacert /etc/kubernetes/keepalived/ca.crt https://192.0.2.12:6443/readyz
