#include "certs/ticket_keys.hpp"

#include <gtest/gtest.h>

namespace portal::certs {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

const std::string kSecret(48, 's');
constexpr seconds kRotation{100};

/// A clock that tests set.
struct ManualClock {
    std::shared_ptr<system_clock::time_point> now = std::make_shared<system_clock::time_point>(seconds{10'000});
    TicketKeys::Clock reader() const {
        return [time = now] { return *time; };
    }
    void advance(seconds by) const { *now += by; }
};

std::shared_ptr<const TicketKeys> with_secret(const std::string& secret, const ManualClock& clock) {
    return TicketKeys::from_secret(secret, kRotation, clock.reader()).value();
}

TEST(TicketKeys, two_processes_with_one_secret_derive_the_same_keys) {
    const ManualClock clock;
    const auto here = with_secret(kSecret, clock)->derive(7, nullptr).value();
    const auto there = with_secret(kSecret, clock)->derive(7, nullptr).value();
    EXPECT_EQ(here.name, there.name);
    EXPECT_EQ(here.cipher_key, there.cipher_key);
    EXPECT_EQ(here.mac_key, there.mac_key);
}

TEST(TicketKeys, every_part_of_a_key_depends_on_secret_epoch_and_rotation) {
    const ManualClock clock;
    const auto key = with_secret(kSecret, clock)->derive(7, nullptr).value();
    const auto other_epoch = with_secret(kSecret, clock)->derive(8, nullptr).value();
    const auto other_secret = with_secret(std::string(48, 't'), clock)->derive(7, nullptr).value();
    const auto other_rotation =
        TicketKeys::from_secret(kSecret, kRotation * 2, clock.reader()).value()->derive(7, nullptr).value();
    for (const TicketKey* other : {&other_epoch, &other_secret, &other_rotation}) {
        EXPECT_NE(key.name, other->name);
        EXPECT_NE(key.cipher_key, other->cipher_key);
        EXPECT_NE(key.mac_key, other->mac_key);
    }
    EXPECT_NE(key.cipher_key, key.mac_key);
}

TEST(TicketKeys, processes_without_a_secret_have_keys_of_their_own) {
    const auto one = TicketKeys::random().value()->derive(7, nullptr).value();
    const auto two = TicketKeys::random().value()->derive(7, nullptr).value();
    EXPECT_NE(one.cipher_key, two.cipher_key);
}

TEST(TicketKeys, a_short_secret_and_a_rotation_of_nothing_are_refused) {
    EXPECT_FALSE(TicketKeys::from_secret("short"));
    EXPECT_FALSE(TicketKeys::from_secret(kSecret, seconds{0}));
    EXPECT_FALSE(TicketKeys::random(seconds{-1}));
}

TEST(TicketKeyRing, opens_what_it_seals_and_for_one_rotation_more) {
    const ManualClock clock;
    TicketKeyRing ring(with_secret(kSecret, clock), nullptr);
    const auto name = ring.sealing()->name;
    auto opening = ring.opening(name);
    ASSERT_TRUE(opening);
    EXPECT_TRUE(opening->current);

    clock.advance(kRotation);
    opening = ring.opening(name);
    ASSERT_TRUE(opening);
    EXPECT_FALSE(opening->current);
    EXPECT_NE(ring.sealing()->name, name);

    clock.advance(kRotation);
    EXPECT_FALSE(ring.opening(name));
}

TEST(TicketKeyRing, opens_tickets_of_a_portal_whose_clock_is_ahead) {
    const ManualClock here;
    const ManualClock ahead;
    ahead.advance(kRotation);
    TicketKeyRing ours(with_secret(kSecret, here), nullptr);
    TicketKeyRing theirs(with_secret(kSecret, ahead), nullptr);
    EXPECT_TRUE(ours.opening(theirs.sealing()->name));
    EXPECT_TRUE(theirs.opening(ours.sealing()->name));
}

TEST(TicketKeyRing, declines_an_unknown_name) {
    const ManualClock clock;
    TicketKeyRing ring(with_secret(kSecret, clock), nullptr);
    const std::array<unsigned char, 16> unknown{1, 2, 3};
    EXPECT_FALSE(ring.opening(unknown));
}

TEST(TicketKeyRing, works_at_the_very_first_epoch) {
    const ManualClock clock;
    *clock.now = system_clock::time_point{};
    TicketKeyRing ring(with_secret(kSecret, clock), nullptr);
    ASSERT_NE(ring.sealing(), nullptr);
    EXPECT_TRUE(ring.opening(ring.sealing()->name));
}

}  // namespace
}  // namespace portal::certs
