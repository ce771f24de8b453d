#ifndef SSD_ERROR_H
#define SSD_ERROR_H

#include <stdexcept>

namespace ssd {

// Something that the user can mend: the message says what was found, where, and what to do.
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace ssd

#endif  // SSD_ERROR_H
