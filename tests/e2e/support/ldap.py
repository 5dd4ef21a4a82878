"""An OpenLDAP server of a stack, seen through the client programs in its own container."""

import base64
import subprocess

COMPOSE = """
services:
  ldap:
    image: davit-test/openldap
    environment: {LDAP_DOMAIN: example.org, LDAP_ADMIN_PASSWORD: "adm in"}
    volumes: ["config:/etc/ldap/slapd.d", "data:/var/lib/ldap"]
    healthcheck:
      test: [CMD-SHELL, "ldapsearch -Q -Y EXTERNAL -H ldapi:/// -s base -b dc=example,dc=org >/dev/null"]
      interval: 1s
      timeout: 5s
      retries: 100
volumes: {config: , data: }
"""
PHOTO = bytes(range(256)) * 20
ODD = "cn=Jürgen ☃ x\\2C y,ou=people,dc=example,dc=org"
CONFIG = """dn: olcDatabase={1}mdb,cn=config
changetype: modify
add: olcDbIndex
olcDbIndex: mail eq
-
add: olcAccess
olcAccess: {0}to attrs=telephoneNumber by self write by * none
-
replace: olcSizeLimit
olcSizeLimit: 12345
"""


def b64(value):
    return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()


class Ldap:
    def __init__(self, stack):
        self.stack = stack

    def run(self, *argv, text=None, check=True):
        done = subprocess.run([*self.stack.engine.command, "exec", *(["-i"] if text is not None else []),
                               self.stack.container("ldap"), *argv], input=text, capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stderr
        return done

    def add(self, ldif):
        self.run("ldapadd", "-x", "-H", "ldapi:///", "-D", "cn=admin,dc=example,dc=org", "-w", "adm in", text=ldif)

    def seed(self):
        """Entries of all kinds, and a configuration that isn't the image's any more."""
        secret = self.run("slappasswd", "-s", "w0rd").stdout.strip()
        entries = ["dn: ou=people,dc=example,dc=org\nobjectClass: organizationalUnit\nou: people\n",
                   f"dn:: {b64(ODD)}\nobjectClass: inetOrgPerson\ncn:: {b64('Jürgen ☃ x, y')}\nsn: x\nuserPassword: {secret}\n"
                   f"jpegPhoto:: {b64(PHOTO)}\ndescription:: {b64(' begins and ends with blanks ')}\n"]
        entries += [f"dn: uid=u{n},ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\nuid: u{n}\ncn: user {n}\nsn: {n}\n"
                    f"mail: u{n}@example.org\nuserPassword: {secret}\n" for n in range(300)]
        self.add("\n".join(entries))
        # A child that is older than its parent: slapcat gives it first.
        self.add("dn: ou=late,dc=example,dc=org\nobjectClass: organizationalUnit\nou: late\n")
        self.run("ldapmodrdn", "-x", "-H", "ldapi:///", "-D", "cn=admin,dc=example,dc=org", "-w", "adm in", "-s",
                 "ou=late,dc=example,dc=org", "uid=u7,ou=people,dc=example,dc=org", "uid=u7")
        self.run("ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///", text=CONFIG)

    def delete(self, *names):
        self.run("ldapdelete", "-x", "-H", "ldapi:///", "-D", "cn=admin,dc=example,dc=org", "-w", "adm in", *names)

    def ldif(self, number):
        """Every entry as a sorted list of unfolded lines, sorted."""
        text = self.run("slapcat", "-n", str(number), "-o", "ldif-wrap=no").stdout
        return sorted(sorted(entry.split("\n")) for entry in text.strip().split("\n\n"))

    def contents(self):
        return [self.ldif(0), self.ldif(1)]

    def logs_in(self, dn, password):
        return self.run("ldapwhoami", "-x", "-H", "ldapi:///", "-D", dn, "-w", password, check=False).returncode == 0

    def photo(self):
        out = self.run("ldapsearch", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///", "-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b",
                       ODD, "jpegPhoto").stdout
        [line] = [line for line in out.splitlines() if line.startswith("jpegPhoto:: ")]
        return base64.b64decode(line.split(" ", 1)[1])

    def owners(self):
        """Who has which of slapd's files, and with which mode."""
        script = "find . \\( -name 'cn=*' -o -name '*.mdb' \\) -exec stat -c '%u:%g %a %n' {} + | sort"
        return {volume: self.stack.engine.in_volume(self.stack.volume(volume), script) for volume in ("config", "data")}
