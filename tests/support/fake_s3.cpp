#include "support/fake_s3.hpp"

#include "storage/s3/options.hpp"

namespace davit::test {

std::string_view name_of(Fault fault) {
  switch (fault) {
    case Fault::internal_error:
      return "500";
    case Fault::internal_error_after:
      return "500 when done";
    case Fault::unavailable:
      return "503";
    case Fault::slow_down:
      return "429";
    case Fault::reset:
      return "reset";
    case Fault::reset_after:
      return "reset when done";
    case Fault::stall:
      return "stall";
    case Fault::cut_body:
      return "cut";
    case Fault::hidden_error:
      return "200 with an error";
    case Fault::wrong_etag:
      return "wrong ETag";
  }
  return "?";
}

struct FakeS3::State {
  mutable std::mutex mutex;
  FakeBucket bucket;
  std::optional<std::size_t> fail_at;
  bool fail_on = false;
  Fault fault = Fault::internal_error;
  bool failed = false;
  std::size_t requests = 0;
  std::function<std::optional<Answer>(const SeenRequest&)> hook;

  Answer answer(const SeenRequest& request) {
    const std::scoped_lock lock(mutex);
    const std::size_t index = requests++;
    if (hook)
      if (auto said = hook(request)) return *said;
    const bool fails = fail_at && (index == *fail_at || (fail_on && index > *fail_at));
    if (!fails) return dated(bucket.serve(request));
    failed = true;
    return dated(fail(request));
  }

  Answer dated(Answer answer) const {
    answer.headers.push_back({"Date", http_date(bucket.now())});
    return answer;
  }

  Answer fail(const SeenRequest& request) {
    Answer nothing;
    nothing.status = 0;
    switch (fault) {
      case Fault::internal_error:
        return s3_error(500, "InternalError");
      case Fault::internal_error_after:
        bucket.serve(request);
        return s3_error(500, "InternalError");
      case Fault::unavailable: {
        Answer answer;
        answer.status = 503;
        answer.body = "<html>busy";
        return answer;
      }
      case Fault::slow_down: {
        Answer answer = s3_error(429, "SlowDown");
        answer.headers.push_back({"Retry-After", "1"});
        return answer;
      }
      case Fault::reset:
        nothing.reset = true;
        return nothing;
      case Fault::reset_after:
        bucket.serve(request);
        nothing.reset = true;
        return nothing;
      case Fault::stall:
        nothing.gate = std::make_shared<Gate>();
        return nothing;
      case Fault::cut_body: {
        Answer answer = bucket.serve(request);
        answer.cut_after = answer.body.size() / 2;
        return answer;
      }
      case Fault::hidden_error:
        if (request.method == "GET" || request.method == "HEAD") return s3_error(500, "InternalError");
        {
          Answer answer = s3_error(200, "InternalError");
          return answer;
        }
      case Fault::wrong_etag: {
        Answer answer = bucket.serve(request);
        for (net::Header& header : answer.headers)
          if (header.name == "ETag") header.value = "\"00000000000000000000000000000000\"";
        return answer;
      }
    }
    return nothing;
  }
};

FakeS3::FakeS3() : FakeS3(Rules{}) {}
FakeS3::FakeS3(Rules rules) : state_(std::make_unique<State>()) {
  state_->bucket.rules = rules;
  server_ = std::make_unique<ScriptedServer>(
      [state = state_.get()](const SeenRequest& request, std::size_t) { return state->answer(request); },
      ScriptedServer::Listen::loopback);
}
FakeS3::~FakeS3() = default;

storage::s3::Options FakeS3::options(std::string prefix) const {
  storage::s3::Options options;
  options.location = {std::string(FakeBucket::kName), std::move(prefix)};
  options.endpoint = "http://127.0.0.1:" + std::to_string(server_->port());
  options.region = FakeBucket::kRegion;
  options.credentials = FakeBucket::keys();
  options.part_bytes = 100'000;
  options.parallel = 3;
  options.retries = {
      .attempts = 4, .first_delay = std::chrono::milliseconds(2), .longest_delay = std::chrono::milliseconds(8)};
  options.idle_timeout = std::chrono::seconds(1);
  return options;
}

void FakeS3::fail_at(std::size_t index, Fault fault) {
  const std::scoped_lock lock(state_->mutex);
  state_->fail_at = index;
  state_->fail_on = false;
  state_->fault = fault;
  state_->failed = false;
  state_->requests = 0;
}

void FakeS3::fail_from(std::size_t index, Fault fault) {
  fail_at(index, fault);
  const std::scoped_lock lock(state_->mutex);
  state_->fail_on = true;
}

bool FakeS3::failed() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->failed;
}

std::size_t FakeS3::requests() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->requests;
}

void FakeS3::on_request(std::function<std::optional<Answer>(const SeenRequest&)> hook) {
  const std::scoped_lock lock(state_->mutex);
  state_->hook = std::move(hook);
}

std::map<std::string, FakeS3::Object> FakeS3::objects() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->bucket.objects;
}

void FakeS3::put(const std::string& name, std::string bytes) {
  const std::scoped_lock lock(state_->mutex);
  state_->bucket.put(name, std::move(bytes));
}

void FakeS3::remove(const std::string& name) {
  const std::scoped_lock lock(state_->mutex);
  state_->bucket.objects.erase(name);
}

std::vector<std::string> FakeS3::uploads() const {
  const std::scoped_lock lock(state_->mutex);
  std::vector<std::string> names;
  for (const auto& [id, upload] : state_->bucket.uploads) names.push_back(upload.name);
  return names;
}

std::vector<std::size_t> FakeS3::part_sizes() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->bucket.part_sizes;
}

void FakeS3::advance(std::chrono::seconds duration) {
  const std::scoped_lock lock(state_->mutex);
  state_->bucket.ahead += duration;
}

std::vector<SeenRequest> FakeS3::seen() const { return server_->seen(); }

}  // namespace davit::test
