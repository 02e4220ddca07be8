#include "server/schema.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <regex>
#include <string>

namespace hemiola::server {
namespace {

const Json& resolved(const Json& schema) {
  const auto ref = schema.find("$ref");
  if (ref == schema.end()) return schema;
  const std::string& path = ref->get_ref<const std::string&>();
  return resolved(openapi().at(Json::json_pointer(path.substr(1))));
}

bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  // 3.0 is a whole number too.
  return value.is_number_integer() ||
         (value.is_number_float() && value.get<double>() == std::floor(value.get<double>()));
}

bool matches(const std::string& text, const std::string& pattern) {
  static std::map<std::string, std::regex> compiled;
  auto found = compiled.find(pattern);
  if (found == compiled.end()) found = compiled.emplace(pattern, std::regex(pattern)).first;
  return text.size() <= 1000 && std::regex_search(text, found->second);
}

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string joined(const std::string& field, std::string_view name) {
  return field.empty() ? std::string(name) : fmt::format("{}.{}", field, name);
}

std::optional<Mismatch> check(const Json& value, const Json& given, const std::string& field);

std::optional<Mismatch> check_type(const Json& value, const Json& schema,
                                   const std::string& field) {
  const auto type = schema.find("type");
  if (type == schema.end()) return std::nullopt;
  std::string wanted;
  for (const Json& one : type->is_array() ? *type : Json::array({*type})) {
    if (has_type(value, one.get<std::string>())) return std::nullopt;
    wanted += (wanted.empty() ? "" : " or ") + one.get<std::string>();
  }
  return Mismatch{field, fmt::format("expected {}, got {}", wanted, value.type_name())};
}

std::optional<Mismatch> check_choice(const Json& choices, const Json& value, const Json& schema,
                                     const std::string& field) {
  const auto discriminator = schema.find("discriminator");
  if (discriminator == schema.end()) {
    for (const Json& choice : choices) {
      if (!check(value, choice, field)) return std::nullopt;
    }
    return Mismatch{field, "is none of what may stand here"};
  }
  // The property that says which of them is meant.
  const std::string name = (*discriminator)["propertyName"].get<std::string>();
  const Json said = value.is_object() ? value.value(name, Json()) : Json();
  std::string known;
  for (const Json& choice : choices) {
    const Json& wanted = resolved(choice)["properties"][name]["const"];
    if (wanted == said) return check(value, choice, field);
    known += (known.empty() ? "" : ", ") + wanted.get<std::string>();
  }
  return Mismatch{joined(field, name), fmt::format("expected one of {}", known)};
}

std::optional<Mismatch> check_object(const Json& value, const Json& schema,
                                     const std::string& field) {
  for (const Json& name : schema.value("required", Json::array())) {
    if (!value.contains(name.get<std::string>())) {
      return Mismatch{joined(field, name.get<std::string>()), "is missing"};
    }
  }
  const auto properties = schema.find("properties");
  if (properties == schema.end()) return std::nullopt;
  for (const auto& [name, member] : value.items()) {
    const auto property = properties->find(name);
    if (property == properties->end()) {
      if (schema.value("additionalProperties", Json(true)) != Json(false)) continue;
      return Mismatch{joined(field, name), "is not known here"};
    }
    if (auto wrong = check(member, *property, joined(field, name))) return wrong;
  }
  return std::nullopt;
}

std::optional<Mismatch> check_size(std::size_t size, const Json& schema, const char* least,
                                   const char* most, const std::string& field) {
  if (size < schema.value(least, std::size_t{0})) {
    return Mismatch{field, fmt::format("is too short: at least {}", json_text(schema[least]))};
  }
  if (schema.contains(most) && size > schema[most].get<std::size_t>()) {
    return Mismatch{field, fmt::format("is too long: at most {}", json_text(schema[most]))};
  }
  return std::nullopt;
}

std::optional<Mismatch> check(const Json& value, const Json& given, const std::string& field) {
  const Json& schema = resolved(given);
  for (const char* choice : {"oneOf", "anyOf"}) {
    if (const auto choices = schema.find(choice); choices != schema.end()) {
      return check_choice(*choices, value, schema, field);
    }
  }
  if (auto wrong = check_type(value, schema, field)) return wrong;
  if (const auto only = schema.find("const"); only != schema.end() && *only != value) {
    return Mismatch{field, fmt::format("expected {}", only->dump())};
  }
  if (const auto some = schema.find("enum"); some != schema.end()) {
    if (std::find(some->begin(), some->end(), value) == some->end()) {
      return Mismatch{field, fmt::format("expected one of {}", some->dump())};
    }
  }
  if (value.is_number()) {
    const double number = value.get<double>();
    if (schema.contains("minimum") && number < schema["minimum"].get<double>()) {
      return Mismatch{field,
                      fmt::format("is too small: at least {}", json_text(schema["minimum"]))};
    }
    if (schema.contains("maximum") && number > schema["maximum"].get<double>()) {
      return Mismatch{field, fmt::format("is too large: at most {}", json_text(schema["maximum"]))};
    }
  }
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (auto wrong = check_size(characters(text), schema, "minLength", "maxLength", field)) {
      return wrong;
    }
    if (schema.contains("pattern") && !matches(text, schema["pattern"].get<std::string>())) {
      return Mismatch{field,
                      fmt::format("does not have the form {}", json_text(schema["pattern"]))};
    }
  }
  if (value.is_array()) {
    if (auto wrong = check_size(value.size(), schema, "minItems", "maxItems", field)) return wrong;
    if (const auto items = schema.find("items"); items != schema.end()) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (auto wrong = check(value[i], *items, fmt::format("{}[{}]", field, i))) return wrong;
      }
    }
  }
  if (value.is_object()) return check_object(value, schema, field);
  return std::nullopt;
}

}  // namespace

const Json& openapi() {
  static const Json description = Json::parse(openapi_text());
  return description;
}

const Json& schema_named(std::string_view name) {
  return openapi()["components"]["schemas"].at(std::string(name));
}

std::optional<Mismatch> mismatch(const Json& value, const Json& schema) {
  return check(value, schema, "");
}

}  // namespace hemiola::server
