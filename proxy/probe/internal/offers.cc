#include "proxy/probe/internal/offers.h"

#include <utility>

namespace postern::probe {
namespace {

tls::Policy policy_of(Offer offer) {
  const bool modern_groups = offer == Offer::All || offer == Offer::Again || offer == Offer::Tls12;
  tls::Policy policy =
      tls::Policy::toward_backend(modern_groups ? tls::Version::Tls12 : tls::Version::Tls10);
  policy.name = name_of(offer);
  switch (offer) {
    case Offer::All:
    case Offer::Classical:
    case Offer::Again:
      policy.min_version = tls::Version::Tls10;
      break;
    case Offer::Tls12:
      policy.max_version = tls::Version::Tls12;
      break;
    case Offer::Tls11:
      policy.min_version = policy.max_version = tls::Version::Tls11;
      break;
    case Offer::Tls10:
      policy.max_version = tls::Version::Tls10;
      break;
  }
  return policy;
}

}  // namespace

Result<std::unique_ptr<Offers>> Offers::make(const std::string& ca_file) {
  tls::Verification rule;
  rule.ca_file = ca_file;
  auto verifier = tls::load_verifier(rule);
  if (!verifier) {
    return verifier.faults();
  }
  rule.mode = tls::Verification::Mode::None;
  auto offers = std::make_unique<Offers>();
  offers->verifier_ = std::move(verifier.value());
  offers->anything_ = tls::load_verifier(rule).value();
  for (size_t i = 0; i < kCountOf<Offer>; ++i) {
    auto made = tls::ClientContext::make(
        {.policy = policy_of(static_cast<Offer>(i)), .verifier = offers->anything_});
    if (!made) {
      return made.faults();
    }
    offers->contexts_[i] = std::move(made.value());
  }
  return offers;
}

std::unique_ptr<tls::ClientContext> Offers::make_resuming() const {
  return std::move(tls::ClientContext::make({.policy = policy_of(Offer::All),
                                             .verifier = anything_,
                                             .asks_for_staple = true,
                                             .resumes = true})
                       .value());
}

}  // namespace postern::probe
