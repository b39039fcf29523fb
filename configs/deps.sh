#!/bin/sh
# Installs the Debian packages that the demo and the tests need, where one is missing.
set -eu

missing=""
need() { # need PROGRAM-OR-FILE PACKAGE
	command -v "$1" >/dev/null 2>&1 || ls $1 >/dev/null 2>&1 || missing="$missing $2"
}
need gcc gcc
need "/usr/lib/postgresql/*/bin/initdb" postgresql
need "/usr/share/postgresql/*/extension/dblink.control" postgresql-contrib
need psql postgresql-client

[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
	echo "missing Debian packages:$missing" >&2
	echo "install them with:  sudo apt-get install -y$missing" >&2
	exit 1
fi
echo "installing$missing" >&2
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq$missing >&2
