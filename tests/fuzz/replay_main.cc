// Runs a fuzz target without libFuzzer: every file of the corpus directory given, then a fixed
// series of mutations of them, the same on every machine. A crash names the input that caused it.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kMutations = 20000;
constexpr size_t kMaxSize = 4096;

using Input = std::vector<uint8_t>;

std::string current = "the empty input";  // named by the signal handler

void name_input(int signal) {
  std::fprintf(stderr, "\nreplay: signal %d while running %s\n", signal, current.c_str());
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Input& input) {
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

std::vector<Input> read_corpus(const char* directory) {
  std::vector<std::filesystem::path> paths;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(directory, missing)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Input> inputs(1);
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    current = path.string();
    run(inputs.back());
  }
  return inputs;
}

// Ranges by remainder, not by std::uniform_int_distribution: that one differs between libraries.
Input mutate(Input input, const Input& other, std::mt19937& random) {
  const auto below = [&random](size_t limit) { return limit == 0 ? 0 : random() % limit; };
  const auto at = [](Input& bytes, size_t index) {
    return bytes.begin() + static_cast<std::ptrdiff_t>(index);
  };
  for (size_t step = 0, steps = 1 + below(4); step < steps; ++step) {
    const size_t place = below(input.size());
    switch (below(5)) {
      case 0:
        if (!input.empty()) {
          input[place] ^= static_cast<uint8_t>(1U << below(8));
        }
        break;
      case 1:
        input.insert(at(input, place), static_cast<uint8_t>(below(256)));
        break;
      case 2:
        input.erase(at(input, place), at(input, place + below(input.size() - place)));
        break;
      case 3:
        input.insert(at(input, place), other.begin(), other.end());
        break;
      default: {
        static constexpr char kTokens[] = "\r\n{}+~\"\\()[]* \0\xff";
        input.insert(at(input, place), static_cast<uint8_t>(kTokens[below(sizeof kTokens)]));
      }
    }
    input.resize(std::min(input.size(), kMaxSize));
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE}) {
    std::signal(signal, name_input);
  }
  const std::vector<Input> corpus = read_corpus(argv[1]);
  std::mt19937 random(1);
  for (size_t i = 0; i < kMutations; ++i) {
    current = "mutation " + std::to_string(i);
    const Input& base = corpus[random() % corpus.size()];
    run(mutate(base, corpus[random() % corpus.size()], random));
  }
  std::printf("replay: %zu inputs, %zu mutations\n", corpus.size(), kMutations);
  return 0;
}
