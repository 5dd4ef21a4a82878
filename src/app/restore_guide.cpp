#include "app/restore_guide.hpp"

#include <format>

#include "util/text.hpp"

namespace davit::app {
namespace {

std::string quote_for_sh(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted + "'";
}

std::string block(const std::string& commands) { return "```sh\n" + commands + "```\n\n"; }

// The command that writes the plain bytes of an artefact to its standard output.
std::string opener(const model::Artefact& artefact) {
  return (artefact.codec == stream::Codec::zstd ? "zstd -dc " : "cat ") + quote_for_sh(artefact.path);
}

using model::attribute;

std::string render_checksums(const catalog::Manifest& manifest) {
  std::string lines = "sha256sum --check <<'END'\n";
  for (const model::Item& item : manifest.items)
    for (const model::Artefact& artefact : item.artefacts)
      lines += artefact.stored.sha256 + "  " + artefact.path + "\n";
  return "## Check\n\nEvery line must say OK.\n\n" + block(lines + "END\n");
}

std::string render_tar(const model::Item& item, const model::Artefact& artefact) {
  const std::string directory = "\"$OUT\"/" + quote_for_sh(encode_file_name(std::string(name_of(item.id.kind))) + "/" +
                                                           encode_file_name(item.id.name));
  return block(
      std::format("OUT=${{OUT:-restored}}\nmkdir -p {0}\n"
                  "{1} | tar --extract --file=- --directory={0} --numeric-owner --same-owner --same-permissions \\\n"
                  "  --acls --xattrs --xattrs-include='*'\n",
                  directory, opener(artefact)));
}

// Options of a volume may be the password of a share, so they are not in the manifest, and not in the guide.
std::string render_options(const model::Item& item, const catalog::Manifest& manifest) {
  if (!item.attributes.contains("options")) return {};
  std::string text = std::format(
      "Without its {} driver options that would be another volume, such as a plain local one instead of a share. They "
      "stand under `Options` in the definition of the stack, which holds secrets; give each to `docker volume create` "
      "as `--opt NAME=VALUE`:\n\n",
      escape_for_display(attribute(item.attributes, "options")));
  for (const model::Item& stack : manifest.items)
    if (stack.id.kind == model::ItemKind::stack)
      for (const model::Artefact& artefact : stack.artefacts)
        text += "    " + opener(artefact) + " | sed -n '/^  \"volumes\": /,$p'\n\n";
  return text;
}

std::string render_volume(const model::Item& item, const catalog::Manifest& manifest) {
  const std::string volume = attribute(item.attributes, "volume");
  std::string create = "docker volume create --driver " + quote_for_sh(attribute(item.attributes, "driver"));
  for (const auto& [name, value] : item.attributes)
    if (name.starts_with("label.")) create += " \\\n      --label " + quote_for_sh(name.substr(6) + "=" + value);
  return std::format(
      "This is the Docker volume `{0}`. The block below unpacks it, as root, into a directory below `OUT`. To put it "
      "into a volume that Compose takes for its own, make the volume with\n\n"
      "    {1} {2}\n\n"
      "and unpack into its `Mountpoint` (`docker volume inspect`) instead.\n\n{3}",
      escape_for_display(volume), create, quote_for_sh(volume), render_options(item, manifest));
}

// The tablespaces of a base backup: number and location.
std::string render_tablespaces(const model::Item& item) {
  constexpr std::string_view kNumber = "oid.";
  std::string commands;
  for (const auto& [key, oid] : item.attributes) {
    if (!key.starts_with(kNumber)) continue;
    const std::string location = quote_for_sh(attribute(item.attributes, "tablespace." + key.substr(kNumber.size())));
    commands += std::format(
        "mkdir -p {0} && chmod 700 {0} && tar --extract --file=\"$OUT\"/set/{1}.tar --directory={0}\n", location, oid);
  }
  return commands;
}

std::string render_base_backup(const model::Item& item) {
  const bool directory = attribute(item.attributes, "form") == "directory";
  std::string text = std::format(
      "The files of a cluster of PostgreSQL {}, with the transaction log that they need to become consistent. Run this "
      "as "
      "the server's user, and let `OUT` be the data directory of a server of that major version, empty, of a server "
      "that "
      "doesn't run; then start it. ",
      attribute(item.attributes, "version"));
  std::string commands = "OUT=${OUT:-restored/postgres}\nmkdir -p \"$OUT\" && chmod 700 \"$OUT\"\n";
  for (const model::Artefact& artefact : item.artefacts) {
    if (!directory) {
      commands += opener(artefact) + " | tar --extract --file=- --directory=\"$OUT\"\n";
      continue;
    }
    text +=
        "The artefact holds what `pg_basebackup` makes where there are tablespaces: a tar of the data directory, one "
        "of each "
        "tablespace, one of the log. Where the tablespaces are to lie elsewhere, change the paths here and in "
        "`tablespace_map`. ";
    commands += "mkdir \"$OUT\"/set && " + opener(artefact) + " | tar --extract --file=- --directory=\"$OUT\"/set\n" +
                "tar --extract --file=\"$OUT\"/set/base.tar --directory=\"$OUT\"\n" +
                "tar --extract --file=\"$OUT\"/set/pg_wal.tar --directory=\"$OUT\"/pg_wal\n" +
                render_tablespaces(item) + "rm -r \"$OUT\"/set\n";
  }
  return text + "`pg_verifybackup` holds it against its `backup_manifest`.\n\n" + block(commands);
}

std::string render_set(const model::Item& item) {
  const std::string stanza = attribute(item.attributes, "stanza");
  const std::string set = attribute(item.attributes, "set");
  std::string text = std::format(
      "The cluster is not here: it is the set `{}` of stanza `{}` in pgBackRest's repository ({}). The artefact says "
      "the same, "
      "with the tablespaces. Run this where that repository is configured, as the server's user, with the server "
      "stopped and its "
      "data directory empty; then start it.\n\n",
      escape_for_display(set), escape_for_display(stanza),
      escape_for_display(attribute(item.attributes, "repository")));
  text += "    pgbackrest " + quote_for_sh("--stanza=" + stanza) + " " + quote_for_sh("--set=" + set) +
          " --type=immediate --target-action=promote restore\n\n";
  for (const model::Artefact& artefact : item.artefacts)
    text += block("OUT=${OUT:-restored}\nmkdir -p \"$OUT\"\n" + opener(artefact) + " > \"$OUT\"/" +
                  quote_for_sh(encode_file_name("pgbackrest-" + item.id.name) + ".json") + "\n");
  return text;
}

std::string render_postgres(const model::Item& item) {
  if (attribute(item.attributes, "method") == "basebackup") return render_base_backup(item);
  if (attribute(item.attributes, "method") == "pgbackrest") return render_set(item);
  std::string text = std::format(
      "PostgreSQL {}. Run this where `psql` and `pg_restore` of the version of the new server, which is that one or a "
      "newer one, reach it as a superuser; `PGHOST`, `PGUSER` and `PGPASSWORD` say where it is. Roles that exist "
      "already are reported as errors by the first command: that is fine. An existing database of the same name is "
      "dropped.\n\n",
      attribute(item.attributes, "version"));
  for (const model::Artefact& artefact : item.artefacts) {
    if (artefact.content == model::Content::sql)
      text += block(opener(artefact) + " | psql --no-psqlrc --quiet --dbname=template1\n");
    else
      text +=
          "Database `" + escape_for_display(attribute(artefact.attributes, "database")) + "`:\n\n" +
          block(opener(artefact) + " | pg_restore --create --clean --if-exists --exit-on-error --dbname=template1\n");
  }
  return text;
}

std::string render_search(const model::Item& item) {
  const std::string directory = encode_file_name("search-" + item.id.name);
  const std::string snapshot = attribute(item.attributes, "snapshot");
  std::string text = std::format(
      "A snapshot of {} {}, as files of a repository of the type `fs`. Unpack them below a directory of `path.repo` "
      "that "
      "all nodes of the new cluster have mounted and may read; it takes the same version, or a newer one that still "
      "reads its indices. An open index of the same name must be deleted or closed before.\n\n",
      escape_for_display(attribute(item.attributes, "distribution")),
      escape_for_display(attribute(item.attributes, "version")));
  for (const model::Artefact& artefact : item.artefacts)
    text +=
        block(std::format("OUT=${{OUT:-restored}}\nmkdir -p \"$OUT\"/{0}\n{1} | tar --extract --file=- "
                          "--directory=\"$OUT\"/{0} --numeric-owner --same-permissions\n",
                          quote_for_sh(directory), opener(artefact)));
  return text +
         std::format(
             "Then, with `DIRECTORY` for where that is in the container:\n\n"
             "    curl -X PUT 'http://localhost:9200/_snapshot/by-hand' -H 'Content-Type: application/json' \\\n"
             "      -d '{{\"type\": \"fs\", \"settings\": {{\"location\": \"DIRECTORY\", \"readonly\": true}}}}'\n"
             "    curl -X POST 'http://localhost:9200/_snapshot/by-hand/{0}/_restore?wait_for_completion=true' \\\n"
             "      -H 'Content-Type: application/json' -d '{{\"indices\": \"*\", \"include_global_state\": false}}'\n"
             "    curl -X DELETE 'http://localhost:9200/_snapshot/by-hand'\n\n",
             escape_for_display(snapshot));
}

// Files of an item below OUT, for a program that takes them from there.
std::string unpack(const model::Artefact& artefact, const std::string& file) {
  return opener(artefact) + " > \"$OUT\"/" + quote_for_sh(file) + "\n";
}
constexpr const char* kOut = "OUT=${OUT:-restored}\nmkdir -p \"$OUT\"\n";
constexpr const char* kContainer = "CONTAINER=${CONTAINER:?set it to the name of the container}\n";

std::string render_ldap(const model::Item& item) {
  const std::string config = attribute(item.attributes, "config");
  std::string text = std::format(
      "The configuration and the databases of an OpenLDAP server ({}), as `slapcat` gives them. The server must not "
      "run, "
      "and its container must be there: `docker compose up --no-start {}`. What slapd has in its directories is moved "
      "into `before-by-hand` in each of them, for you to remove when the new one stands. The user {}, which slapd "
      "runs as, must own these directories.\n\n",
      escape_for_display(attribute(item.attributes, "version")), escape_for_display(item.id.name),
      escape_for_display(attribute(item.attributes, "user")));
  std::string files;
  std::string move = "aside " + quote_for_sh(config) + " cn=config cn=config.ldif\n";
  std::string add;
  for (const model::Artefact& artefact : item.artefacts) {
    const std::string number = attribute(artefact.attributes, "database");
    const std::string file = encode_file_name("ldap-" + item.id.name) + "-" + number + ".ldif";
    files += unpack(artefact, file);
    if (const std::string directory = attribute(artefact.attributes, "directory"); !directory.empty())
      move += "aside " + quote_for_sh(directory) + " data.mdb lock.mdb\n";
    add += std::format("slapadd {}-n {} -F {} -l {}\n", number == "0" ? "" : "-q -s -g ", quote_for_sh(number),
                       quote_for_sh(config), quote_for_sh("/restored/" + file));
  }
  return text +
         block(std::format(
             "{}{}{}docker run --rm -i --network none --volumes-from \"$CONTAINER\" --volume \"$(realpath \"$OUT\")\":"
             "/restored:ro \\\n  --user {} --entrypoint sh \"$(docker inspect --format '{{{{.Image}}}}' "
             "\"$CONTAINER\")\" -eu <<'END'\n"
             "PATH=$PATH:/usr/sbin:/usr/local/sbin:/opt/bitnami/openldap/sbin; ulimit -n 1024\n"
             "aside() {{\n  mkdir \"$1\"/before-by-hand; cd \"$1\"; shift\n"
             "  for name; do [ ! -e \"$name\" ] || mv \"$name\" before-by-hand/; done\n}}\n{}{}END\n",
             kContainer, kOut, files, quote_for_sh(attribute(item.attributes, "user")), move, add));
}

std::string render_rabbitmq(const model::Item& item) {
  const std::string data = attribute(item.attributes, "data");
  const std::string node = attribute(item.attributes, "node");
  std::string text = std::format(
      "The definitions of a RabbitMQ {} broker: vhosts, users, permissions, policies, queues, exchanges and bindings, "
      "and no message. ",
      escape_for_display(attribute(item.attributes, "version")));
  if (!data.empty())
    text += std::format(
        "Messages are in `{}`, with everything that is here: to have them back, restore that instead, while the broker "
        "is stopped, and let its node be called `{}` again, by the host name of its container. ",
        escape_for_display(data), escape_for_display(node));
  text +=
      "A broker that runs merges them into what it has. They go through a file, since `rabbitmqctl` of some versions "
      "reads its standard input for ever.\n\n";
  for (const model::Artefact& artefact : item.artefacts) {
    const std::string file = encode_file_name("rabbitmq-" + item.id.name) + ".json";
    text +=
        block(std::format("{}{}{}docker exec -i \"$CONTAINER\" sh -c 'cat > /tmp/definitions.json\n"
                          "rabbitmqctl import_definitions /tmp/definitions.json --format json </dev/null; code=$?\n"
                          "rm /tmp/definitions.json; exit $code' < \"$OUT\"/{}\n",
                          kContainer, kOut, unpack(artefact, file), quote_for_sh(file)));
  }
  return text;
}

std::string render_command(const model::Item& item, const model::Artefact& artefact) {
  return std::format(
      "What the command of the label `davit.command` of service `{0}` printed. The one of `davit.command.restore` "
      "takes "
      "it on its standard input, in the container of that service (`docker ps`):\n\n"
      "    {1} | docker exec -i CONTAINER COMMAND ARGUMENT…\n\nAs a file:\n\n{2}",
      escape_for_display(item.id.name), opener(artefact),
      block("OUT=${OUT:-restored}\nmkdir -p \"$OUT\"\n" + opener(artefact) + " > \"$OUT\"/" +
            quote_for_sh(encode_file_name("command-" + item.id.name)) + "\n"));
}

std::string render_item(const model::Item& item, const catalog::Manifest& manifest) {
  std::string text = "## " + escape_for_display(item.id.text()) + "\n\n";
  switch (item.id.kind) {
    case model::ItemKind::postgres:
      return text + render_postgres(item);
    case model::ItemKind::ldap:
      return text + render_ldap(item);
    case model::ItemKind::rabbitmq:
      return text + render_rabbitmq(item);
    case model::ItemKind::stack:
      text += "What Compose had made of the stack, as the Docker Engine described it. It holds secrets.\n\n";
      for (const model::Artefact& artefact : item.artefacts)
        text += block("OUT=${OUT:-restored}\nmkdir -p \"$OUT\"\n" + opener(artefact) +
                      " > \"$OUT\"/stack-definition.json\n");
      return text;
    case model::ItemKind::command:
      for (const model::Artefact& artefact : item.artefacts) text += render_command(item, artefact);
      return text;
    case model::ItemKind::search:
      return text + render_search(item);
    case model::ItemKind::volume:
      text += render_volume(item, manifest);
      break;
    case model::ItemKind::bind:
    case model::ItemKind::files:
      text += "From `" + escape_for_display(attribute(item.attributes, "path")) + "` of the host.\n\n";
      break;
  }
  for (const model::Artefact& artefact : item.artefacts) text += render_tar(item, artefact);
  return text;
}

}  // namespace

std::string render_restore_guide(const catalog::Manifest& manifest) {
  std::string text = std::format(
      "# Restoring {0} {1} by hand\n\n"
      "`davit restore {1}` does all this. Without davit, `tar`, `zstd`, `psql` and `pg_restore` are enough: this page "
      "says how, for this backup. Run each block in the directory of this file. `manifest.json` says what each file "
      "is.\n\n",
      escape_for_display(manifest.stack), manifest.id);
  text += render_checksums(manifest);
  for (const model::Item& item : manifest.items) text += render_item(item, manifest);
  if (!manifest.not_covered.empty()) {
    text += "## Not in this backup\n\n";
    for (const model::NotCovered& line : manifest.not_covered)
      text += "- " + escape_for_display(line.what) + ": " + escape_for_display(line.why) + "\n";
    text += "\n";
  }
  if (!manifest.needs.empty()) {
    text += "## Needed besides\n\n";
    for (const std::string& need : manifest.needs) text += "- " + escape_for_display(need) + "\n";
  }
  return text;
}

}  // namespace davit::app
