#pragma once
// The deep check of dumps: pg_restore of the image that the backup names reads them, in a throwaway container.

#include <optional>
#include <string>

#include "sources/one_off.hpp"
#include "sources/source.hpp"

namespace davit::sources {

class Verifier {
 public:
  explicit Verifier(engine::Engine& engine) : engine_(engine) {}
  // As Source::verify. The container is kept for the next artefact of the same image.
  [[nodiscard]] Result<> verify(const model::Item& item, const model::Artefact& artefact, stream::ByteSource& stored,
                                const Stack& recorded, RunContext& run);

 private:
  Result<> open(const model::Item& item, const Stack& recorded, RunContext& run);

  engine::Engine& engine_;
  std::optional<OneOff> container_;
  std::string image_id_;
};

}  // namespace davit::sources
