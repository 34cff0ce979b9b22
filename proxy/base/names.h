// The words of an enumeration: for the log, a metric's label or the configuration. The header of
// the enumeration writes both in one way:
//
//   enum class Hop : uint8_t { Client, Backend };
//   inline constexpr Names<Hop> kHopNames{"client", "backend"};
//   constexpr const char* name_of(Hop hop) { return kHopNames[hop]; }
//
// An enumerator without a word, or a word without an enumerator, does not compile.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace postern {

// Whether `Value` is one of its type's enumerators. Only the compiler's own text shows that: it
// ends in "Value = postern::Hop::Client]" for one, and in "Value = (postern::Hop)2]" for another.
template <auto Value>
constexpr bool is_enumerator() {
  constexpr std::string_view kWord =
      "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_suffix(1);
  return text[text.find_last_not_of(kWord)] == ':';
}

// How many enumerators E has: they must count up from 0.
template <typename E, size_t Known = 0>
constexpr size_t count_enumerators() {
  if constexpr (is_enumerator<static_cast<E>(Known)>()) {
    return count_enumerators<E, Known + 1>();
  }
  return Known;
}
template <typename E>
inline constexpr size_t kCountOf = count_enumerators<E>();

// Not constexpr, so that the compiler stops at a call: "call to non-constexpr function".
void a_row_is_out_of_place();

// The words, in the order of the enumerators.
template <typename E>
class Names {
 public:
  template <typename... Words>
  requires(sizeof...(Words) == kCountOf<E>) explicit consteval Names(Words... words)
      : words_{words...} {}

  // For many words: a row for each enumerator, in their order, so that none slips out of place.
  struct Row {
    E value;
    const char* word;
  };
  template <size_t N>
  requires(N == kCountOf<E>) explicit consteval Names(const Row (&rows)[N]) {
    for (size_t i = 0; i < N; ++i) {
      if (rows[i].value != static_cast<E>(i)) {
        a_row_is_out_of_place();
      }
      words_[i] = rows[i].word;
    }
  }

  constexpr const char* operator[](E value) const { return words_[static_cast<size_t>(value)]; }

 private:
  std::array<const char*, kCountOf<E>> words_ = {};
};

}  // namespace postern
