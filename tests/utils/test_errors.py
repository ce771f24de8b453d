import pytest

from src.utils.errors import UserError


def test_user_errors_pass_handlers_of_wrong_values():
    with pytest.raises(UserError):
        try:
            raise UserError("mend this")
        except (ValueError, ArithmeticError, LookupError, OSError, RuntimeError, TypeError):
            pass
