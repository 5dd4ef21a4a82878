"""An OpenLDAP server of a stack, through the programs in its container."""

import base64

from support.engine import wait_until

IMAGE = "davit-test/openldap"
DOMAIN = "hoss.example.org"
PASSWORD = "direct0ry 'secret"  # of cn=admin, and of the configuration's


def dc(domain):
    return ",".join(f"dc={part}" for part in domain.split("."))


def entry(dn, *lines):
    """LDIF of one; a line is (attribute, text or bytes). base64 wherever it may be needed."""
    coded = [f"{name}:: {base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()}" for name, value in lines]
    return "\n".join([f"dn:: {base64.b64encode(dn.encode()).decode()}", *coded]) + "\n\n"


class Ldap:
    def __init__(self, stack, service="ldap", domain=DOMAIN, password=PASSWORD):
        self.stack, self.engine, self.service, self.password = stack, stack.engine, service, password
        self.suffix = dc(domain)
        self.admin = f"cn=admin,{self.suffix}"

    @property
    def container(self):
        return self.stack.container(self.service)

    def run(self, *command, check=True, **more):
        return self.engine.exec(self.container, *command, check=check, **more)

    def as_admin(self, program, *args, dn=None, **more):
        return self.run(program, "-x", "-H", "ldap://127.0.0.1", "-D", dn or self.admin, "-w", self.password, *args, **more)

    def answers(self):
        try:
            return "dn:" in self.as_admin("ldapwhoami")
        except AssertionError:  # no server, or no container
            return False

    def wait(self, seconds=60):
        wait_until("OpenLDAP to answer", self.answers, seconds)
        return self

    def may_bind(self, dn, password):
        """Whether this is the user's password."""
        done = self.engine.run("exec", self.container, "ldapwhoami", "-x", "-H", "ldap://127.0.0.1", "-D", dn, "-w", password, check=False)
        assert done.returncode in (0, 49), done.stderr  # 49: invalid credentials
        return done.returncode == 0

    def user(self, name):
        return f"uid={name},ou=people,{self.suffix}"

    def add(self, ldif):
        self.as_admin("ldapadd", input=ldif)

    def seed(self, people=200):
        """People with passwords (`password N` of `personN`), groups, odd names, binary and long values, and a setting that is
        not the image's."""
        text = entry(f"ou=people,{self.suffix}", ("objectClass", "organizationalUnit"), ("ou", "people"))
        text += entry(f"ou=groups,{self.suffix}", ("objectClass", "organizationalUnit"), ("ou", "groups"))
        for n in range(people):
            text += entry(self.user(f"person{n}"), ("objectClass", "inetOrgPerson"), ("objectClass", "posixAccount"), ("uid", f"person{n}"),
                          ("cn", f"Person Nº {n}"), ("sn", "Größe"), ("uidNumber", str(10000 + n)), ("gidNumber", "10000"),
                          ("homeDirectory", f"/home/person{n}"), ("mail", f"person{n}@example.org"))
        odd = 'cn=a\\, b \\"c\\" \\+ ü,ou=people,' + self.suffix
        text += entry(odd, ("objectClass", "inetOrgPerson"), ("cn", 'a, b "c" + ü'), ("sn", " leading and trailing "),
                      ("description", "line one\nline two\n" + "long " * 500), ("jpegPhoto", bytes(range(256)) * 16))
        members = [("member", self.user(f"person{n}")) for n in range(0, people, 2)] + [("member", odd)]
        text += entry(f"cn=staff,ou=groups,{self.suffix}", ("objectClass", "groupOfNames"), ("cn", "staff"), *members)
        self.add(text)
        for n in (0, 1):
            self.as_admin("ldappasswd", "-s", f"password {n}", self.user(f"person{n}"))
        self.as_admin("ldapmodify", dn="cn=admin,cn=config",
                      input="dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcDbIndex\nolcDbIndex: mail eq\n")

    def entries(self, database=1):
        """{dn: sorted lines} of everything in a database, as slapcat has it: 0 is the configuration."""
        out = self.run("slapcat", "-o", "ldif-wrap=no", "-F", "/etc/ldap/slapd.d", "-n", str(database))
        blocks = [block.split("\n") for block in out.strip("\n").split("\n\n")]
        return {lines[0]: sorted(lines[1:]) for lines in blocks}

    def facts(self):
        """What must be the same on another server: all of both databases, and which passwords are right."""
        facts = {f"database {n}": self.entries(n) for n in (0, 1)}
        facts["passwords"] = [self.may_bind(self.user("person0"), "password 0"), self.may_bind(self.user("person1"), "password 1"),
                              self.may_bind(self.user("person1"), "password 0"), self.may_bind(self.admin, self.password)]
        return facts
