#include "session/features.hpp"

namespace portal::session {

void Features::forget() {
    if (tracking_) {
        tracking_->forget();
    }
    if (commands_) {
        commands_->forget();
    }
}

void Features::reset() {
    subscriptions_.reset();
    if (tracking_) {
        tracking_->stop();
    }
}

void Features::leave() {
    if (subscriptions_) {
        subscriptions_->leave();
    }
    if (tracking_) {
        tracking_->stop();
    }
}

}  // namespace portal::session
