#pragma once
// The jobs of a session, on davit's side of the channel.

#include <nlohmann/json.hpp>

#include "helper/channel/message.hpp"
#include "helper/helper_container.hpp"
#include "helper/session.hpp"

namespace davit::helper {

struct Session::Impl {
  Impl(HostState& host_state, Place of, Access how, RunContext& of_run)
      : host(host_state), place(std::move(of)), access(how), run(of_run) {}

  // One job that moves no data. An empty `stop`: it is not given up when the run is to stop.
  [[nodiscard]] Result<nlohmann::json> call(const Job& job, std::stop_token stop = {});
  [[nodiscard]] Result<PackResult> pack(const PackOptions& options, stream::ByteSink& stored);
  [[nodiscard]] Result<StageResult> stage(const StageOptions& options, stream::ByteSource& stored);
  [[nodiscard]] Result<> hold();
  [[nodiscard]] Result<> rollback();
  [[nodiscard]] Result<> seal();
  [[nodiscard]] Result<> cleanup();
  [[nodiscard]] Result<> end();

  HostState& host;
  Place place;
  Access access;
  RunContext& run;
  bool missing = false;                     // a directory to read that does not exist
  std::unique_ptr<HelperContainer> helper;  // none if missing, or ended
  bool broken = false;                      // the channel is out of step, or has ended
  bool unfinished = false;                  // a restore was begun, and neither rolled back nor sealed
  bool sealed = false;                      // the last restore stays, whatever comes

 private:
  // What is gathered while a job runs.
  struct Answer {
    std::vector<Finding> findings;
    std::uint64_t reported = 0;
  };
  [[nodiscard]] Result<> begin(const Job& job, std::stop_token stop);
  // One job on a restore of this run, by the helper; or, if that or its channel is lost, `instead` by another one.
  [[nodiscard]] Result<> call_surely(const Job& job, const Job& instead);
  // Passes a result on; a failure of the channel is explained, and breaks the session.
  template <class T>
  [[nodiscard]] Result<T> kept(Result<T> result);
  // Takes a progress or findings frame.
  [[nodiscard]] Result<> take(const Frame& frame, Answer& answer);
  // The trailer of the job, after whatever comes before it. No data may.
  [[nodiscard]] Result<nlohmann::json> wait_for_trailer(Answer& answer);
  // Reads a trailer and acknowledges it: then the session is ready for the next job.
  [[nodiscard]] Result<nlohmann::json> conclude(const Frame& trailer);
  void acknowledge();
  // Sends the data until the source has ended or the helper has failed: then its trailer's result is given.
  [[nodiscard]] Result<std::optional<nlohmann::json>> send_data(stream::ByteSource& stored, Answer& answer);
  void report_rest(std::uint64_t plain, Answer& answer) const;
};

}  // namespace davit::helper
