#!/usr/bin/env bash
# Starts slapd on what is in its two volumes; fills them when both are empty.
#   LDAP_DOMAIN (example.org)   becomes dc=example,dc=org, with cn=admin below it
#   LDAP_ADMIN_PASSWORD         cn=admin's, also cn=admin,cn=config's unless LDAP_CONFIG_PASSWORD is set; or …_FILE
#   LDAP_ORGANISATION
set -euo pipefail

as_openldap() { setpriv --reuid openldap --regid openldap --init-groups "$@"; }
is_empty() { [ -z "$(find "$1" -mindepth 1 -maxdepth 1 -not -name lost+found -print -quit)" ]; }

from_file() { # NAME: NAME, or the contents of the file that NAME_FILE names
  local file="$1_FILE"
  if [ -n "${!file:-}" ]; then printf -v "$1" '%s' "$(cat "${!file}")"; fi
}
hashed() { slappasswd -n -h '{SSHA}' -T <(printf %s "$1"); }

configuration() {
  cat <<LDIF
dn: cn=config
objectClass: olcGlobal
cn: config
olcPidFile: /run/slapd/slapd.pid
olcArgsFile: /run/slapd/slapd.args

dn: cn=module,cn=config
objectClass: olcModuleList
cn: module
olcModulePath: /usr/lib/ldap
olcModuleLoad: back_mdb
olcModuleLoad: memberof

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

include: file:///etc/ldap/schema/core.ldif
include: file:///etc/ldap/schema/cosine.ldif
include: file:///etc/ldap/schema/nis.ldif
include: file:///etc/ldap/schema/inetorgperson.ldif

dn: olcDatabase={0}config,cn=config
objectClass: olcDatabaseConfig
olcDatabase: {0}config
olcRootDN: cn=admin,cn=config
olcRootPW: $(hashed "${LDAP_CONFIG_PASSWORD:-$LDAP_ADMIN_PASSWORD}")
olcAccess: {0}to * by dn.exact=gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth manage by * break

dn: olcDatabase={1}mdb,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMdbConfig
olcDatabase: {1}mdb
olcDbDirectory: /var/lib/ldap
olcDbMaxSize: 1073741824
olcSuffix: $suffix
olcRootDN: cn=admin,$suffix
olcRootPW: $(hashed "$LDAP_ADMIN_PASSWORD")
olcDbIndex: objectClass eq
olcDbIndex: cn,uid eq,sub
olcDbIndex: uidNumber,gidNumber,member eq
olcLastMod: TRUE
olcAccess: {0}to attrs=userPassword by self write by anonymous auth by * none
olcAccess: {1}to * by dn.exact=gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth read by users read by * none

dn: olcOverlay=memberof,olcDatabase={1}mdb,cn=config
objectClass: olcOverlayConfig
objectClass: olcMemberOfConfig
olcOverlay: memberof
LDIF
}

first_entry() {
  cat <<LDIF
dn: $suffix
objectClass: top
objectClass: dcObject
objectClass: organization
o: ${LDAP_ORGANISATION:-$LDAP_DOMAIN}
dc: ${LDAP_DOMAIN%%.*}
LDIF
}

first_start() {
  from_file LDAP_ADMIN_PASSWORD
  from_file LDAP_CONFIG_PASSWORD
  if [ -z "${LDAP_ADMIN_PASSWORD:-}" ]; then
    echo "error: LDAP_ADMIN_PASSWORD is not set, and the first start needs it" >&2
    exit 1
  fi
  : "${LDAP_DOMAIN:=example.org}"
  suffix="dc=${LDAP_DOMAIN//./,dc=}"
  configuration | as_openldap slapadd -n 0 -F /etc/ldap/slapd.d
  first_entry | as_openldap slapadd -n 1 -F /etc/ldap/slapd.d
  echo "init: complete, ready to start with $suffix"
}

if [ "${1:-}" = slapd ]; then
  if is_empty /etc/ldap/slapd.d && is_empty /var/lib/ldap; then
    chown openldap:openldap /etc/ldap/slapd.d /var/lib/ldap
    first_start
  elif is_empty /etc/ldap/slapd.d; then
    echo "error: /var/lib/ldap holds a database, but /etc/ldap/slapd.d no configuration" >&2
    exit 1
  fi
  shift
  # A server that nobody told of many descriptors allots memory for as many as the Engine allows.
  ulimit -n 1024
  exec slapd -h 'ldap:/// ldapi:///' -u openldap -g openldap -F /etc/ldap/slapd.d -d "${LDAP_LOG_LEVEL:-0}" "$@"
fi
exec "$@"
