#include "sources/basebackup/base_item.hpp"

#include <cstdlib>

#include "sources/basebackup/db_directory.hpp"
#include "sources/basebackup/restoration.hpp"
#include "sources/basebackup/take.hpp"
#include "sources/host_path.hpp"
#include "stream/reporting_stream.hpp"
#include "util/text.hpp"

namespace davit::sources {

using model::attribute;

Method method_of(const model::Item& item) {
  const std::string method = attribute(item.attributes, "method");
  if (method == "basebackup") return Method::basebackup;
  return method == "pgbackrest" ? Method::pgbackrest : Method::dump;
}

Result<> plan_base_item(const Server& server, const engine::ContainerInfo& container, model::Item& item, Plan& plan,
                        const stream::Encoding& encoding, RunContext& run) {
  TRY_ASSIGN(base, plan_base_backup(server, run));
  item.consistency = model::Consistency::physical_wal;
  item.attributes["method"] = "basebackup";
  item.attributes["form"] = name_of(base.form);
  item.attributes["size"] = std::to_string(base.bytes);
  for (const auto& [name, oid] : base.oids) item.attributes["oid." + name] = oid;
  if (base.form == BaseForm::directory) item.attributes["staging"] = db_directory_of(container);
  for (const std::string& file : base.outside)
    plan.needs.push_back("configuration of " + item.id.text() +
                         " outside of its data directory: " + escape_for_display(file));
  model::Artefact artefact;
  artefact.path = "db/" + artefact_name(item.id.name) + "/base.tar" + std::string(stream::file_suffix(encoding.codec));
  artefact.content = model::Content::tar;
  artefact.codec = encoding.codec;
  item.artefacts.push_back(std::move(artefact));
  return {};
}

Result<std::vector<Finding>> dump_base(const Server& server, const model::Item& item, model::Artefact& artefact,
                                       const stream::Encoding& encoding, stream::ByteSink& stored, RunContext& run) {
  BaseOptions options;
  TRY_ASSIGN(form, parse_base_form(attribute(item.attributes, "form")));
  options.form = form;
  options.staging = attribute(item.attributes, "staging");
  options.bytes = std::strtoull(attribute(item.attributes, "size").c_str(), nullptr, 10);
  stream::Encoder encoder(encoding, stored);
  TRY_ASSIGN(taken, take_base_backup(server, options, encoder, run));
  TRY(encoder.finish());
  artefact.plain = encoder.plain();
  artefact.stored = encoder.stored();
  artefact.codec = encoding.codec;
  artefact.entries = taken.members;
  std::vector<Finding> findings;
  for (std::string& warning : taken.warnings) findings.push_back({"", "", std::move(warning)});
  return findings;
}

Result<> verify_base(const model::Item& item, const model::Artefact& artefact, stream::ByteSource& stored,
                     RunContext& run) {
  TRY_ASSIGN(form, parse_base_form(attribute(item.attributes, "form")));
  stream::Decoder plain(artefact.codec, stored, artefact.plain, artefact.stored);
  return check_base_backup(plain, form, run);
}

Result<std::unique_ptr<Restoration>> restore_base(helper::Host& host, const model::Item& item, const Target& target,
                                                  const ControlOf& control_of, RunContext& run) {
  TRY_ASSIGN(fill, fill_from_base(item));
  PhysicalEntry entry;
  TRY_ASSIGN(place, take_place(host, item, target, control_of, "none", entry, run));
  return ClusterRestoration::begin(std::move(place), std::move(fill), std::move(entry), *target.journal, run);
}

}  // namespace davit::sources
