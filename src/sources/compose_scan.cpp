#include "sources/compose_scan.hpp"

#include <algorithm>
#include <optional>

#include "util/text.hpp"

namespace davit::sources {
namespace {

// A scalar without quotes, and without the comment behind it.
std::string_view scalar(std::string_view text) {
  text = trim(text);
  if (text.starts_with('#')) return {};
  if (!text.empty() && (text.front() == '"' || text.front() == '\'')) {
    const std::size_t end = text.find(text.front(), 1);
    return end == std::string_view::npos ? std::string_view() : text.substr(1, end - 1);
  }
  if (const std::size_t comment = text.find(" #"); comment != std::string_view::npos) text = text.substr(0, comment);
  return trim(text);
}

class Scan {
 public:
  NamedFiles run(std::string_view yaml) {
    for (const std::string& line : split(yaml, '\n')) take(line);
    return std::move(found_);
  }

 private:
  void take(std::string_view line) {
    std::string_view text = trim(line);
    if (text.empty() || text.starts_with('#')) return;
    const std::size_t indent = line.find_first_not_of(' ');
    // A list may stand as far left as the key it belongs to.
    if (in_list_ && (indent < list_indent_ || (indent == list_indent_ && !text.starts_with('-')))) in_list_ = false;
    if (text.starts_with("- ")) text = trim(text.substr(2));
    if (const auto value = value_of(text, "env_file")) return begin(*value, indent);
    if (const auto value = value_of(text, "include"); value && indent == 0) return begin(*value, indent);
    if (const auto value = value_of(text, "file")) return add(*value);
    if (!in_list_) return add_of_mappings(text);
    if (flow_) return add_flow(text);
    if (const auto path = value_of(text, "path")) return add(*path);
    if (text.starts_with('{')) return add_flow(text);
    // "required: false" and the like, of an entry that is a mapping.
    if (!text.contains(": ") && !text.ends_with(':')) add(text);
  }

  // The key may be in quotes.
  static std::optional<std::string_view> value_of(std::string_view text, std::string_view key) {
    const std::string_view quote = text.starts_with('"') || text.starts_with('\'') ? text.substr(0, 1) : "";
    text.remove_prefix(quote.size());
    if (!text.starts_with(key)) return {};
    text.remove_prefix(key.size());
    if (!text.starts_with(quote)) return {};
    text = trim(text.substr(quote.size()));
    return text.starts_with(':') ? std::optional(text.substr(1)) : std::nullopt;
  }

  // "app: {image: app, env_file: [a.env], extends: {file: base.yaml, service: app}}"
  void add_of_mappings(std::string_view text) {
    for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find_first_of("{,", at)) {
      const std::string_view entry = trim(text.substr(++at));
      if (const auto value = value_of(entry, "env_file"))
        add_value(trim(*value));
      else if (const auto file = value_of(entry, "file"))
        add_value(trim(*file));
    }
  }

  void add_value(std::string_view value) {
    if (value.starts_with('[')) return add_flow(value.substr(0, value.find(']')));
    if (value.starts_with('"') || value.starts_with('\'')) return add(value);
    add(value.substr(0, value.find_first_of(",}")));
  }

  void begin(std::string_view value, std::size_t indent) {
    value = trim(value);
    in_list_ = scalar(value).empty() || value.starts_with('[');
    list_indent_ = indent;
    flow_ = false;
    if (value.starts_with('[') || value.starts_with('{')) return add_flow(value);
    add(value);
  }

  // "[a.env, {path: b.env}]", or as much of it as a line has.
  void add_flow(std::string_view text) {
    flow_ = text.contains('[') ? !text.contains(']') : flow_ && !text.contains(']');
    for (const std::string& part : split(text, ',')) {
      std::string_view entry = trim(part);
      const auto opened = [](std::string_view of) {
        const std::size_t begin = of.find_first_not_of("[{ ");
        return begin == std::string_view::npos ? std::string_view() : of.substr(begin);
      };
      entry = opened(entry);
      if (entry.empty()) continue;
      entry = trim(entry.substr(0, entry.find_last_not_of("]} ") + 1));
      if (const auto path = value_of(entry, "path"))
        add(opened(*path));
      else if (!entry.contains(": "))
        add(entry);
    }
  }

  void add(std::string_view text) {
    const std::string path(scalar(text));
    if (path.empty()) return;
    std::vector<std::string>& into = path.contains('$') ? found_.unresolved : found_.paths;
    if (!std::ranges::contains(into, path)) into.push_back(path);
  }

  NamedFiles found_;
  bool in_list_ = false;
  bool flow_ = false;  // inside of [ ]
  std::size_t list_indent_ = 0;
};

}  // namespace

NamedFiles scan_compose(std::string_view yaml) { return Scan().run(yaml); }

}  // namespace davit::sources
