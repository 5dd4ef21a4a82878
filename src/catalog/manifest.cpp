#include "catalog/manifest.hpp"

#include <algorithm>

namespace davit::catalog {

bool is_id(std::string_view text) {
  // d: a digit, x: a lowercase hex digit; the rest stands for itself.
  static constexpr std::string_view kForm = "ddddddddTddddddZ-xxxx";
  return std::ranges::equal(text, kForm, [](char c, char form) {
    const bool digit = c >= '0' && c <= '9';
    if (form == 'd') return digit;
    if (form == 'x') return digit || (c >= 'a' && c <= 'f');
    return c == form;
  });
}

std::uint64_t Manifest::stored_bytes() const {
  std::uint64_t sum = 0;
  for (const model::Item& item : items)
    for (const model::Artefact& artefact : item.artefacts) sum += artefact.stored.bytes;
  return sum;
}

}  // namespace davit::catalog
