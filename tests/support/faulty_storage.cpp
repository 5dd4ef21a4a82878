#include "support/faulty_storage.hpp"

#include <algorithm>
#include <atomic>

namespace davit::test {

using storage::ObjectInfo;
using storage::ObjectWriter;
using storage::Publication;

struct FaultyStorage::Control {
  Faults faults;
  std::function<void()> on_death;
  std::atomic<std::uint64_t> operations = 0;
  // What a killed program had in its hands: it is never tidied up while the test looks, only when the test is over.
  std::vector<std::unique_ptr<Publication>> abandoned_sets;
  std::vector<std::unique_ptr<ObjectWriter>> abandoned_objects;

  [[nodiscard]] bool failed() const { return faults.fail_at != 0 && operations >= faults.fail_at; }
  [[nodiscard]] bool dead() const { return faults.dead_after && failed(); }
  // Runs `effect` as one operation.
  template <class Effect>
  auto operation(std::string_view what, Effect effect) -> decltype(effect()) {
    const bool was_dead = dead();
    const std::uint64_t operation = ++operations;
    const bool fault = !was_dead && operation == faults.fail_at;
    if (!was_dead && !fault) return effect();
    const auto error = [&] {
      if (fault && faults.dead_after && on_death) on_death();
      return fail(faults.code, std::string(what) + ": fault at operation " + std::to_string(operation));
    };
    if (was_dead || !faults.after_effect) return error();
    (void)effect();
    return error();
  }
  ~Control() {
    abandoned_objects.clear();
    abandoned_sets.clear();
  }
};

namespace {

using Control = FaultyStorage::Control;

class FaultyWriter : public ObjectWriter {
 public:
  FaultyWriter(std::shared_ptr<Control> control, std::unique_ptr<ObjectWriter> inner)
      : control_(std::move(control)), inner_(std::move(inner)) {}
  FaultyWriter(const FaultyWriter&) = delete;
  FaultyWriter& operator=(const FaultyWriter&) = delete;
  ~FaultyWriter() override {
    if (control_->dead()) control_->abandoned_objects.push_back(std::move(inner_));
  }
  Result<> write(std::span<const std::byte> bytes) override {
    bool reached = false;
    auto written = control_->operation("write", [&] {
      reached = true;
      return inner_->write(bytes);
    });
    // As a full disk does it: a part arrives.
    if (!reached && !control_->faults.dead_after) (void)inner_->write(bytes.first(bytes.size() / 2));
    return written;
  }
  Result<> finish() override {
    return control_->operation("finish", [&] { return inner_->finish(); });
  }
  Result<ObjectInfo> commit() override {
    return control_->operation("commit", [&] { return inner_->commit(); });
  }

 private:
  std::shared_ptr<Control> control_;
  std::unique_ptr<ObjectWriter> inner_;
};

class FaultyPublication : public Publication {
 public:
  FaultyPublication(std::shared_ptr<Control> control, std::unique_ptr<Publication> inner)
      : control_(std::move(control)), inner_(std::move(inner)) {}
  FaultyPublication(const FaultyPublication&) = delete;
  FaultyPublication& operator=(const FaultyPublication&) = delete;
  ~FaultyPublication() override {
    if (control_->dead()) control_->abandoned_sets.push_back(std::move(inner_));
  }
  Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) override {
    TRY_ASSIGN(writer, control_->operation("create in set", [&] { return inner_->create(key); }));
    return std::make_unique<FaultyWriter>(control_, std::move(writer));
  }
  Result<> publish(std::string_view last_key, std::string_view bytes) override {
    return control_->operation("publish", [&] { return inner_->publish(last_key, bytes); });
  }
  Result<> discard() override {
    return control_->operation("discard", [&] { return inner_->discard(); });
  }

 private:
  std::shared_ptr<Control> control_;
  std::unique_ptr<Publication> inner_;
};

class FaultySource : public stream::ByteSource {
 public:
  FaultySource(std::shared_ptr<Control> control, std::unique_ptr<stream::ByteSource> inner, std::uint64_t offset)
      : control_(std::move(control)), inner_(std::move(inner)), at_(offset), from_(offset) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    return control_->operation("read", [&] { return read_inner(into); });
  }

 private:
  Result<std::size_t> read_inner(std::span<std::byte> into) {
    if (const auto cut = control_->faults.cut_reads_after) {
      const std::uint64_t left = *cut - std::min(*cut, at_ - from_);
      if (left == 0) return fail(Errc::corrupt, "read: cut after " + std::to_string(*cut) + " bytes");
      into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left)));
    }
    TRY_ASSIGN(count, inner_->read(into));
    if (const auto flip = control_->faults.flip_byte_at; flip && *flip >= at_ && *flip < at_ + count)
      into[static_cast<std::size_t>(*flip - at_)] ^= std::byte{1};
    at_ += count;
    return count;
  }

  std::shared_ptr<Control> control_;
  std::unique_ptr<stream::ByteSource> inner_;
  std::uint64_t at_;
  std::uint64_t from_;
};

}  // namespace

FaultyStorage::FaultyStorage(storage::Storage& inner, Faults faults)
    : inner_(inner), control_(std::make_shared<Control>()) {
  control_->faults = faults;
}
FaultyStorage::~FaultyStorage() = default;

std::uint64_t FaultyStorage::operations() const { return control_->operations; }
bool FaultyStorage::failed() const { return control_->failed(); }
void FaultyStorage::die() {
  if (control_->dead()) return;
  control_->faults.dead_after = true;
  control_->faults.fail_at = std::max<std::uint64_t>(control_->operations, 1);
}
void FaultyStorage::on_death(std::function<void()> call) { control_->on_death = std::move(call); }
std::string FaultyStorage::describe() const { return inner_.describe(); }

Result<std::unique_ptr<stream::ByteSource>> FaultyStorage::open(std::string_view key, std::uint64_t offset) const {
  TRY_ASSIGN(source, control_->operation("open", [&] { return inner_.open(key, offset); }));
  return std::make_unique<FaultySource>(control_, std::move(source), offset);
}

Result<ObjectInfo> FaultyStorage::stat(std::string_view key) const {
  return control_->operation("stat", [&] { return inner_.stat(key); });
}

Result<std::vector<ObjectInfo>> FaultyStorage::list(std::string_view prefix) const {
  return control_->operation("list", [&] { return inner_.list(prefix); });
}

Result<std::unique_ptr<ObjectWriter>> FaultyStorage::create(std::string_view key) {
  TRY_ASSIGN(writer, control_->operation("create", [&] { return inner_.create(key); }));
  return std::make_unique<FaultyWriter>(control_, std::move(writer));
}

Result<std::unique_ptr<Publication>> FaultyStorage::stage(std::string_view prefix, std::string_view run) {
  TRY_ASSIGN(set, control_->operation("stage", [&] { return inner_.stage(prefix, run); }));
  return std::make_unique<FaultyPublication>(control_, std::move(set));
}

Result<> FaultyStorage::remove(std::string_view key) {
  return control_->operation("remove", [&] { return inner_.remove(key); });
}

Result<std::vector<std::string>> FaultyStorage::sweep(const std::vector<std::string>& alive) {
  return control_->operation("sweep", [&] { return inner_.sweep(alive); });
}

}  // namespace davit::test
