#include "tls/internal/pem.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace postern::tls {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";

Fault broken(size_t line, const std::string& why) {
  return {"", "has a broken PEM block in line " + std::to_string(line) + ": " + why};
}

// OpenSSL takes a byte order mark only in the first line that it looks at for a block. In a
// file that was joined of several, or has a heading, it is elsewhere: then OpenSSL passes over the
// block.
std::string_view without_mark(std::string_view line) {
  if (line.starts_with(kByteOrderMark)) {
    line.remove_prefix(kByteOrderMark.size());
  }
  return line;
}

std::string_view without_trailing_space(std::string_view line) {
  while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') {
    line.remove_suffix(1);
  }
  return line;
}

// "-----BEGIN X-----" and "-----END X-----" have the label X.
std::optional<std::string_view> label_of(std::string_view line, std::string_view prefix) {
  if (!line.starts_with(prefix) || !line.ends_with(kDashes) ||
      line.size() < prefix.size() + kDashes.size()) {
    return std::nullopt;
  }
  line.remove_prefix(prefix.size());
  line.remove_suffix(kDashes.size());
  return line;
}

// Whether a line outside of the blocks was meant to begin one: a word processor has made one dash
// of two, an indented text was copied, something invisible stands before it.
bool was_meant_to_begin(std::string_view line) {
  const size_t at = line.find("BEGIN");
  if (at == std::string_view::npos || at == 0) {
    return false;
  }
  const auto before = static_cast<unsigned char>(line[at - 1]);
  return before == '-' || before >= 0x80;
}

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  Result<std::vector<PemBlock>> split() {
    if (text_.find('\n') == std::string_view::npos && text_.find('\r') != std::string_view::npos &&
        text_.find(kBegin) != std::string_view::npos) {
      return Fault{"", "has lines that end in CR alone; make it LF: `tr '\\r' '\\n'`"};
    }
    while (next_ < text_.size()) {
      const size_t end = std::min(text_.find('\n', next_), text_.size());
      const std::string_view line = text_.substr(next_, end - next_);
      next_ = std::min(end + 1, text_.size());
      ++number_;
      const std::string wrong = open_ ? read_inside(line) : read_outside(line);
      if (!wrong.empty()) {
        return broken(number_, wrong);
      }
    }
    if (open_) {
      return broken(block_.line, "the file ends before its END line");
    }
    return std::move(blocks_);
  }

 private:
  std::string read_outside(std::string_view whole) {
    const std::string_view line = without_trailing_space(without_mark(whole));
    if (const auto label = label_of(line, kBegin)) {
      open_ = true;
      block_ = {*label, text_.substr(static_cast<size_t>(line.data() - text_.data())), number_};
      return "";
    }
    return was_meant_to_begin(line)
               ? "it seems to begin one, but BEGIN needs exactly five hyphens before and after its "
                 "words, and nothing else in its line"
               : "";
  }

  std::string read_inside(std::string_view whole) {
    const std::string_view line = without_trailing_space(whole);
    const std::string begun = "the block that begins in line " + std::to_string(block_.line);
    if (line.starts_with(kBegin)) {
      return begun + " has no END line";
    }
    if (!line.starts_with(kEnd)) {
      return "";
    }
    const auto label = label_of(line, kEnd);
    if (line.find(kBegin) != std::string_view::npos) {
      return "a line break is missing between the END of one block and the BEGIN of the next";
    }
    if (!label.has_value() || *label != block_.label) {
      return begun + " has an END line with other words";
    }
    const char* end = line.data() + line.size();
    block_.text = block_.text.substr(0, static_cast<size_t>(end - block_.text.data()));
    blocks_.push_back(block_);
    open_ = false;
    return "";
  }

  std::string_view text_;
  size_t next_ = 0;
  size_t number_ = 0;
  bool open_ = false;
  PemBlock block_{};
  std::vector<PemBlock> blocks_;
};

bssl::UniquePtr<CRYPTO_BUFFER> decode(const PemBlock& block) {
  const bssl::UniquePtr<BIO> bio(
      BIO_new_mem_buf(block.text.data(), static_cast<ossl_ssize_t>(block.text.size())));
  char* name = nullptr;
  char* header = nullptr;
  uint8_t* data = nullptr;
  long length = 0;
  const int read = PEM_read_bio(bio.get(), &name, &header, &data, &length);
  ERR_clear_error();
  if (read != 1) {
    return nullptr;
  }
  const bssl::UniquePtr<char> free_name(name);
  const bssl::UniquePtr<char> free_header(header);
  const bssl::UniquePtr<uint8_t> free_data(data);
  auto size = static_cast<size_t>(length);
  if (block.label == PEM_STRING_X509_TRUSTED) {  // the certificate, then OpenSSL's own remarks
    CBS all;
    CBS certificate;
    CBS_init(&all, data, size);
    if (CBS_get_asn1_element(&all, &certificate, CBS_ASN1_SEQUENCE) == 1) {
      size = CBS_len(&certificate);
    }
  }
  return bssl::UniquePtr<CRYPTO_BUFFER>(CRYPTO_BUFFER_new(data, size, nullptr));
}

}  // namespace

Result<std::vector<PemBlock>> split_pem(std::string_view text) {
  return Splitter(text).split();
}

bool is_certificate(const PemBlock& block) {
  return block.label == PEM_STRING_X509 || block.label == PEM_STRING_X509_OLD ||
         block.label == PEM_STRING_X509_TRUSTED;
}

bool is_private_key(const PemBlock& block) {
  return block.label == PEM_STRING_PKCS8INF || block.label == PEM_STRING_PKCS8 ||
         block.label == PEM_STRING_RSA || block.label == PEM_STRING_ECPRIVATEKEY ||
         block.label == PEM_STRING_DSA;
}

Result<Octets> decode_blocks(const std::vector<PemBlock>& blocks,
                             bool (*wanted)(const PemBlock& block)) {
  Octets octets;
  for (const PemBlock& block : blocks) {
    if (!wanted(block)) {
      continue;
    }
    octets.push_back(decode(block));
    if (octets.back() == nullptr) {
      return broken(block.line, "what the block holds is not base64");
    }
  }
  return octets;
}

Result<Octets> parse_pem_chain(std::string_view text) {
  const auto blocks = split_pem(text);
  return blocks ? decode_blocks(blocks.value(), is_certificate) : Result<Octets>(blocks.faults());
}

Result<std::unique_ptr<const PemFile>> PemFile::read(const std::string& path) {
  Result<std::string> content = read_file(path);
  if (!content) {
    return Fault{"", content.faults().front().text()};
  }
  std::unique_ptr<PemFile> file(new PemFile(std::move(content.value())));
  auto blocks = split_pem(file->text());
  if (!blocks) {
    return Fault{"", path + " " + blocks.faults().front().message};
  }
  file->blocks_ = std::move(blocks.value());
  return std::unique_ptr<const PemFile>(std::move(file));
}

const PemBlock* PemFile::find(bool (*wanted)(const PemBlock& block)) const {
  const auto found = std::find_if(blocks_.begin(), blocks_.end(), wanted);
  return found == blocks_.end() ? nullptr : &*found;
}

}  // namespace postern::tls
