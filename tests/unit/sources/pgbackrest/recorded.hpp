#pragma once
// What pgBackRest said in real runs: `info --output=json` of 2.55 over PostgreSQL 17 and of 2.45 over 15, and
// `verify --output=text --verbose` of a repository in which a byte of a file and one of a segment had been altered.

namespace davit::test {

inline constexpr const char* kMissingStanza =
    R"json([{"archive":[],"backup":[],"cipher":"none","db":[],"name":"nix","repo":[{"cipher":"none","key":1,"status":{"code":1,"message":"missing stanza path"}}],"status":{"code":1,"lock":{"backup":{"held":false}},"message":"missing stanza path"}}])json";

inline constexpr const char* kNoBackupsYet =
    R"json([{"archive":[{"database":{"id":1,"repo-key":1},"id":"17-1","max":null,"min":null}],"backup":[],"cipher":"none","db":[{"id":1,"repo-key":1,"system-id":7710766126330880036,"version":"17"}],"name":"db","repo":[{"cipher":"none","key":1,"status":{"code":2,"message":"no valid backups"}}],"status":{"code":2,"lock":{"backup":{"held":false}},"message":"no valid backups"}}])json";

inline constexpr const char* kTwoSets =
    R"json([{"archive":[{"database":{"id":1,"repo-key":1},"id":"17-1","max":"000000010000000000000005","min":"000000010000000000000001"}],"backup":[{"archive":{"start":"000000010000000000000003","stop":"000000010000000000000003"},"backrest":{"format":5,"version":"2.55.1"},"database":{"id":1,"repo-key":1},"error":false,"info":{"delta":23462843,"repository":{"delta":3016100,"size":3016100},"size":23462843},"label":"20261121-231043F","lsn":{"start":"0/3000028","stop":"0/3000120"},"prior":null,"reference":null,"timestamp":{"start":1795302643,"stop":1795302649},"type":"full"},{"archive":{"start":"000000010000000000000004","stop":"000000010000000000000005"},"backrest":{"format":5,"version":"2.55.1"},"database":{"id":1,"repo-key":1},"error":false,"info":{"delta":8464,"repository":{"delta":435,"size":3016096},"size":23462843},"label":"20261121-231043F_20261121-231050D","lsn":{"start":"0/4000028","stop":"0/5000050"},"prior":"20261121-231043F","reference":["20261121-231043F"],"timestamp":{"start":1795302650,"stop":1795302651},"type":"diff"}],"cipher":"none","db":[{"id":1,"repo-key":1,"system-id":7710766126330880036,"version":"17"}],"name":"db","repo":[{"cipher":"none","key":1,"status":{"code":0,"message":"ok"}}],"status":{"code":0,"lock":{"backup":{"held":false}},"message":"ok"}}])json";

inline constexpr const char* kOneSet =
    R"json([{"archive":[{"database":{"id":1,"repo-key":1},"id":"17-1","max":"000000010000000000000005","min":"000000010000000000000001"}],"backup":[{"archive":{"start":"000000010000000000000004","stop":"000000010000000000000005"},"backrest":{"format":5,"version":"2.55.1"},"database":{"id":1,"repo-key":1},"database-ref":[{"name":"postgres","oid":5}],"error":false,"info":{"delta":8464,"repository":{"delta":435,"size":3016096},"size":23462843},"label":"20261121-231043F_20261121-231050D","link":null,"lsn":{"start":"0/4000028","stop":"0/5000050"},"prior":"20261121-231043F","reference":["20261121-231043F"],"tablespace":[{"destination":"/tmp/ts","name":"ts","oid":16384}],"timestamp":{"start":1795302650,"stop":1795302651},"type":"diff"}],"cipher":"none","db":[{"id":1,"repo-key":1,"system-id":7710766126330880036,"version":"17"}],"name":"db","repo":[{"cipher":"none","key":1,"status":{"code":0,"message":"ok"}}],"status":{"code":0,"lock":{"backup":{"held":false}},"message":"ok"}}])json";

inline constexpr const char* kTwoSetsOf245 =
    R"json([{"archive":[{"database":{"id":1,"repo-key":1},"id":"15-1","max":"000000010000000000000005","min":"000000010000000000000001"}],"backup":[{"archive":{"start":"000000010000000000000003","stop":"000000010000000000000003"},"backrest":{"format":5,"version":"2.45"},"database":{"id":1,"repo-key":1},"error":false,"info":{"delta":23246426,"repository":{"delta":3064115,"size":3064115},"size":23246426},"label":"20261121-231100F","lsn":{"start":"0/3000028","stop":"0/3000100"},"prior":null,"reference":null,"timestamp":{"start":1795302660,"stop":1795302669},"type":"full"},{"archive":{"start":"000000010000000000000004","stop":"000000010000000000000005"},"backrest":{"format":5,"version":"2.45"},"database":{"id":1,"repo-key":1},"error":false,"info":{"delta":8472,"repository":{"delta":463,"size":3064114},"size":23246426},"label":"20261121-231100F_20261121-231110D","lsn":{"start":"0/4000028","stop":"0/5000088"},"prior":"20261121-231100F","reference":["20261121-231100F"],"timestamp":{"start":1795302670,"stop":1795302672},"type":"diff"}],"cipher":"none","db":[{"id":1,"repo-key":1,"system-id":7710766189684113444,"version":"15"}],"name":"db","repo":[{"cipher":"none","key":1,"status":{"code":0,"message":"ok"}}],"status":{"code":0,"lock":{"backup":{"held":false}},"message":"ok"}}])json";

inline constexpr const char* kSound = R"text(stanza: db
status: ok
  archiveId: 17-1, total WAL checked: 5, total valid WAL: 5
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
  backup: 20261121-231043F, status: valid, total files checked: 969, total valid files: 969
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
)text";

inline constexpr const char* kAltered = R"text(stanza: db
status: error
  archiveId: 17-1, total WAL checked: 6, total valid WAL: 5
    missing: 0, checksum invalid: 0, size invalid: 0, other: 1
  backup: 20261121-231043F, status: invalid, total files checked: 969, total valid files: 968
    missing: 0, checksum invalid: 1, size invalid: 0, other: 0
)text";

}  // namespace davit::test
