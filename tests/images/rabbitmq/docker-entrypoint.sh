#!/usr/bin/env bash
# Starts RabbitMQ as the official image does: as `rabbitmq`, which owns what is in the volume. The server itself reads
# RABBITMQ_DEFAULT_USER, RABBITMQ_DEFAULT_PASS and RABBITMQ_DEFAULT_VHOST.
set -euo pipefail

if [[ ${1:-} == rabbitmq* ]] && [ "$(id -u)" = 0 ]; then
  if [ "$1" = rabbitmq-server ]; then
    # First of all: a program that root starts in here meanwhile would make a cookie that the server can't read.
    cookie=/var/lib/rabbitmq/.erlang.cookie
    if [ ! -e "$cookie" ]; then
      (umask 377 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$cookie.new" && mv "$cookie.new" "$cookie")
    fi
    find /var/lib/rabbitmq \! -user rabbitmq -exec chown rabbitmq:rabbitmq '{}' +
  fi
  exec setpriv --reuid rabbitmq --regid rabbitmq --init-groups "$0" "$@"
fi
exec "$@"
