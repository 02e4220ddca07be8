// One server with the bundled model for all tests of it that leave it as it was.
#pragma once

#include <gmock/gmock.h>

#include <string_view>
#include <utility>

#include "server/schema.h"
#include "tests/server_client.h"

namespace hemiola {

inline void expect_form(const Json& json, const char* schema) {
  const auto wrong = server::mismatch(json, server::schema_named(schema));
  EXPECT_FALSE(wrong) << schema << "." << wrong->field << ": " << wrong->reason << "\n"
                      << json_text(json).substr(0, 2000);
}

class Server : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    server_ = new TestServer(folder_->path());
  }
  static void TearDownTestSuite() {
    delete std::exchange(server_, nullptr);
    delete std::exchange(folder_, nullptr);
  }

  static Json piece_of(const Json& job, std::size_t index = 0) {
    if (job["pieces"].size() <= index) return {};
    return server_->get("/api/v1/pieces/" + job["pieces"][index]["piece"].get<std::string>());
  }
  static Json upload(std::string_view bytes, std::string_view name = "test") {
    return server_->ask("POST", fmt::format("/api/v1/files?name={}", name), bytes).json();
  }
  static Reply import(std::string_view bytes) {
    return server_->post("/api/v1/pieces", {{"from", "file"}, {"file", upload(bytes)["id"]}});
  }
  static Json typed(const char* notation) {
    return server_->post("/api/v1/pieces", {{"from", "notation"}, {"text", notation}}).json();
  }

  inline static TempFolder* folder_ = nullptr;
  inline static TestServer* server_ = nullptr;
};

inline constexpr const char* kTune =
    "1=G 3/4 q=120 | 1 3 5 | 6 5 3 | 2 2 5 | 1 - - | 1 3 5 | 6 5 3 | 2 2 5 | 1 - - |";

}  // namespace hemiola
